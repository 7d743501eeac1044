import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc', '-days', '2']

export interface ServerTls {
  /** What a client trusts, for `sslrootcert`. */
  caFile: string
  /** What the server is started with. */
  settings: readonly string[]
}

/** A certificate authority of its own in `folder`, named `name`, and a server's certificate by it. */
export async function makeServerTls(
  folder: string,
  { name, altName, owner }: { name: string; altName: string; owner: { uid: number; gid: number } },
): Promise<ServerTls> {
  const at = (file: string) => join(folder, file)
  const request = (key: string, crt: string, ...more: string[]) =>
    run('openssl', ['req', '-x509', ...NEW_KEY, '-keyout', at(key), '-out', at(crt), ...more], {
      ...owner,
      cwd: folder,
    })
  await request('ca.key', 'ca.crt', '-subj', `/CN=${name}`)
  const byCa = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-addext', 'basicConstraints=critical,CA:FALSE']
  await request('server.key', 'server.crt', ...byCa, '-subj', '/CN=server', '-addext', `subjectAltName=${altName}`)
  const settings = ['ssl=on', `ssl_cert_file=${at('server.crt')}`, `ssl_key_file=${at('server.key')}`]
  return { caFile: at('ca.crt'), settings }
}

/** From the network, nobody is let in unencrypted. */
export async function demandTls(dataDir: string): Promise<void> {
  const file = join(dataDir, 'pg_hba.conf')
  const lines = await readFile(file, 'utf8')
  await writeFile(file, lines.replaceAll(/^host\b/gm, 'hostssl'))
}
