import { createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

/** The sample's mail server: takes every mail on port 2525 and prints it, so that `docker compose logs mail` is the inbox. */
const server = createServer((socket) => {
  converse(socket).catch((err: unknown) => console.error('connection lost:', err))
})
server.listen(2525, () => console.log('taking mail on port 2525'))
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => process.exit(0))

/** RFC 5321, what one client that wants to deliver needs of it. */
async function converse(socket: Socket): Promise<void> {
  const say = (line: string) => socket.write(`${line}\r\n`)
  let body: string[] | undefined
  say('220 mail ready')
  for await (const line of createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (body === undefined) {
      const command = line.slice(0, 4).toUpperCase()
      if (command === 'DATA') body = []
      say(ANSWERS[command] ?? '502 not known here')
      if (command === 'QUIT') socket.end()
    } else if (line === '.') {
      console.log(`${body.join('\n')}\n${'-'.repeat(80)}`)
      body = undefined
      say('250 taken')
    } else {
      body.push(line.startsWith('.') ? line.slice(1) : line)
    }
  }
}

const ANSWERS: Record<string, string> = {
  EHLO: '250 mail',
  HELO: '250 mail',
  MAIL: '250 ok',
  RCPT: '250 ok',
  DATA: '354 end with a line of one dot',
  RSET: '250 ok',
  NOOP: '250 ok',
  QUIT: '221 bye',
}
