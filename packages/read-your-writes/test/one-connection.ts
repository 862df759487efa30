import { connect } from 'node:net'

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

export interface RawRequest {
  readonly path: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Sends all requests at once over one connection (HTTP/1.1 pipelining, RFC 9112, section 9.3.2) and waits for
 * as many answers, which come in the order of the requests.
 */
export async function overOneConnection(
  origin: string,
  requests: readonly RawRequest[],
): Promise<RawAnswer[]> {
  const { hostname, port, host } = new URL(origin)
  const lines = requests.map(({ path, method = 'GET', headers = {} }) => {
    const all = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
    return `${method} ${path} HTTP/1.1\r\n${all.join('')}\r\n`
  })
  const socket = connect(Number(port), hostname)
  socket.setEncoding('latin1')
  socket.write(lines.join(''))
  const answers: RawAnswer[] = []
  let rest = ''
  try {
    for await (const chunk of socket) {
      rest += chunk as string
      for (;;) {
        const next = takeAnswer(rest)
        if (next === undefined) break
        answers.push(next.answer)
        rest = next.rest
        if (answers.length === requests.length) return answers
      }
    }
  } finally {
    socket.destroy()
  }
  throw new Error(`the server closed the connection after ${answers.length} of ${requests.length} answers`)
}

function takeAnswer(text: string): { answer: RawAnswer; rest: string } | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n')
  const headers = new Headers()
  for (const line of lines) {
    const at = line.indexOf(':')
    headers.append(line.slice(0, at), line.slice(at + 1).trim())
  }
  if (headers.has('transfer-encoding')) throw new Error('answers in chunks are not read here')
  const bodyAt = end + 4
  const length = Number(headers.get('content-length') ?? 0)
  if (text.length < bodyAt + length) return undefined
  const body = text.slice(bodyAt, bodyAt + length)
  return {
    answer: { status: Number(statusLine.split(' ')[1]), headers, body },
    rest: text.slice(bodyAt + length),
  }
}
