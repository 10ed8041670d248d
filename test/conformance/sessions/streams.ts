/** Terminals, stdin and attach with the docker CLI. */
import { docker, session, shell } from '../session.ts'

const run = 'run --network none'

export const streams = [
  session(
    'stdin of run',
    docker(`${run} -i --rm bb cat`, 'piped\n'),
    docker(`${run} -i --rm bb wc -c`, 'x'.repeat(1_000_000)),
    docker(`${run} -i --rm bb head -n 1`, 'first\nsecond\n'),
    docker(`${run} -i -t --rm bb true`, ''),
    docker(`${run} --rm bb cat`, 'not passed on'),
  ),
  session(
    'terminal',
    shell(
      `script -qec 'docker ${run} -it --rm bb sh -c "tty; stty size; echo done"' /dev/null </dev/null | tr -d '\\r'`,
    ),
    docker(`${run} -t --rm bb sh -c 'echo out; echo err >&2'`),
    docker(`${run} -t --name tty bb sh -c 'echo logged'`),
    docker('logs tty'),
    docker('rm tty'),
  ),
  session(
    'attach',
    docker(`${run} -d --name attach bb sh -c 'sleep 1; echo late; exit 6'`),
    docker('attach attach'),
    docker('attach attach'),
    docker('rm attach'),
    docker(`${run} -d -i --name input bb cat`),
    shell('echo through attach | timeout -s KILL 2 docker attach input'),
    docker('logs input'),
    docker('rm -f input'),
  ),
  session(
    'logs',
    docker(`${run} --name logs bb sh -c 'seq 1 5; echo err >&2'`),
    docker('logs logs'),
    docker('logs --tail 2 logs'),
    docker('logs --tail 0 logs'),
    docker('logs --since 1h logs'),
    docker('logs --until 1h logs'),
    docker('logs -f logs'),
    docker('logs gone'),
    docker('rm logs'),
  ),
] as const
