/** The thread that checks a copy of the database, or makes a backup of it: both hold a thread for as long as the log is. Started by `upkeep.ts`. */
import { parentPort, workerData } from 'node:worker_threads'
import { TallyError } from '../errors.ts'
import { isDamage } from '../store/errors.ts'
import { settle, settleBackup } from '../store/settle.ts'
import type { CopyTask, TaskAnswer } from './upkeep.ts'
import { unreadable, type Verdict, verifyDatabase } from './verify.ts'

function run({ kind, path, head }: CopyTask): TaskAnswer {
  try {
    if (kind === 'verify') return { kind: 'verified', verdict: verify(path, head) }
    return { kind: 'settled', ...settleBackup(path, head) }
  } catch (error) {
    if (!(error instanceof TallyError)) throw error
    return { kind: 'failed', code: error.code, message: error.message }
  }
}

function verify(path: string, head: CopyTask['head']): Verdict {
  try {
    settle(path)
  } catch (error) {
    if (!isDamage(error)) throw error
    return unreadable(error)
  }
  return verifyDatabase(path, head)
}

parentPort?.postMessage(run(workerData as CopyTask))
