/** The Engine API of a daemon over its unix socket, for tests that need status codes or more speed than the docker CLI has. */
import { Agent, request } from 'node:http'

export interface Answer {
  readonly status: number
  readonly text: string
}

export class ApiClient implements Disposable {
  readonly #agent = new Agent({ keepAlive: true })
  readonly #socket: string

  constructor(socket: string) {
    this.#socket = socket
  }

  /** @param body text is sent as JSON, bytes as a tar archive. */
  send(method: string, path: string, body?: string | Buffer): Promise<Answer> {
    const type = typeof body === 'string' ? 'application/json' : 'application/x-tar'
    const headers =
      body === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) }
    return new Promise((answer, fail) => {
      const options = { socketPath: this.#socket, agent: this.#agent, method, path, headers }
      const asked = request(options, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          answer({ status: response.statusCode ?? 500, text: Buffer.concat(chunks).toString() }),
        )
        response.on('error', fail)
      })
      asked.on('error', fail)
      asked.end(body)
    })
  }

  /** @throws Error for a status of 400 and more. */
  async ask(method: string, path: string, body?: string | Buffer): Promise<string> {
    const { status, text } = await this.send(method, path, body)
    if (status >= 400) throw new Error(`${method} ${path}: ${status} ${text}`)
    return text
  }

  /** Closes the connections that it keeps. */
  [Symbol.dispose](): void {
    this.#agent.destroy()
  }

  /** @returns the id of a new container. */
  async create(body: object, name?: string): Promise<string> {
    const query = name === undefined ? '' : `?name=${name}`
    return JSON.parse(await this.ask('POST', `/containers/create${query}`, JSON.stringify(body))).Id
  }
}
