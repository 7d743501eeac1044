import type { RecoverFacts } from '../recover-doc.ts'
import { digestLines } from './shell.ts'

/** The first step of every page: are these the bytes that were sealed, and by whom. */
export function authenticity({ artifacts, agentId }: Pick<RecoverFacts, 'artifacts' | 'agentId'>): string {
  return `## 1. Check that the files are the ones that were sealed

\`\`\`sh
sha256sum --check --strict <<'DIGESTS'
${artifacts.flatMap(digestLines).join('\n')}
DIGESTS
\`\`\`

\`manifest.json\` holds the same digests, signed (JWS, EdDSA) by \`${agentId}\`. Its payload is plain JSON in base64url:

\`\`\`sh
sed 's/.*"payload":"\\([^"]*\\)".*/\\1/' manifest.json | tr '_-' '/+' | awk '{ while (length($0) % 4) $0 = $0 "="; print }' | base64 -d
\`\`\`

To check the signature, put the agent's public key (32 bytes, base64url; under \`signers:\` in lifeboat.yaml) into SIGNER and run

\`\`\`text
${VERIFY}
\`\`\``
}

const VERIFY = `node -e '
const { createPublicKey, verify } = require("node:crypto")
const jws = JSON.parse(require("node:fs").readFileSync("manifest.json", "utf8"))
const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: process.env.SIGNER }, format: "jwk" })
const good = verify(null, Buffer.from(jws.protected + "." + jws.payload), key, Buffer.from(jws.signature, "base64url"))
console.log(good ? "the signature holds" : "THE SIGNATURE DOES NOT HOLD")
process.exit(good ? 0 : 1)'`
