#!/bin/sh
# Once per deployment: makes keys and passwords and writes lifeboat.yaml. Each secret goes into the volume of those who need it:
#   /secrets/agent     the agent's signing key
#   /secrets/verifier  the decryption identity and the verifier's signing key
#   /secrets/spool     the token shared by agent and uploaders
#   /secrets/sample    the password of the backup role, shared by agent and sample database
set -eu
config=/etc/lifeboat/lifeboat.yaml
if [ -e "$config" ]; then
  echo "init: $config is there already; nothing to do"
  exit 0
fi

umask 077
keys=$(mktemp -d)
node /lifeboat/apps/cli/src/main.ts key new --out "$keys" --signer db1 --signer verifier --json >"$keys/answer.json"
public() { node -p "const keys = JSON.parse(fs.readFileSync('$keys/answer.json', 'utf8')); $1"; }

mv -f "$keys/db1.signing-key" /secrets/agent/
mv -f "$keys/verifier.signing-key" "$keys/age-identity.txt" /secrets/verifier/
for secret in spool/token sample/password; do
  node -p "crypto.randomBytes(24).toString('base64url')" >"/secrets/$secret"
done

umask 022
sed \
  -e "s|@RECIPIENT@|$(public keys.recipient)|" \
  -e "s|@AGENT_KEY@|$(public 'keys.signers.find(({ name }) => name === "db1").publicKey')|" \
  -e "s|@VERIFIER_KEY@|$(public 'keys.signers.find(({ name }) => name === "verifier").publicKey')|" \
  /lifeboat/deploy/compose/lifeboat.yaml >"$config.partial"
mv "$config.partial" "$config"
rm -r "$keys"
echo "init: wrote $config"
