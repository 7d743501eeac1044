import { backupPrefix, sourceBackupsPrefix } from '@lifeboat/shared/domain/keys.ts'
import type { Artifact } from '@lifeboat/shared/domain/manifest.ts'
import type { RecoverFacts } from '../recover-doc.ts'

const DOCUMENTS = '{RECOVER.md,manifest.json}'

/**
 * From a cloud to a local folder: names are known, so nothing has to be listed, and curl speaks to all three.
 *
 * @see https://curl.se/docs/manpage.html – `--aws-sigv4`, `--oauth2-bearer`, and ranges in URLs
 */
export function fetching({ sourceId, backupId, artifacts, recovery }: RecoverFacts): string {
  const backups = sourceBackupsPrefix(sourceId).replace(/\/$/, '')
  const chain = recovery?.chain ?? []
  return `## Fetch the folder

At each target it is \`${backupPrefix(sourceId, backupId)}\`, behind the \`prefix\` of the target where it has one. Out of a cloud \`curl\` (7.88 or newer) gets it. Say where the
backups of the source are, and put what lets you read there into a file of your own; one of these:

\`\`\`text
export BACKUPS=https://BUCKET.s3.REGION.amazonaws.com/${backups} SAS= CURLRC=/path/to/a/file
  aws-sigv4 = "aws:amz:REGION:s3"
  header = "x-amz-content-sha256: UNSIGNED-PAYLOAD"
  user = "ACCESS-KEY-ID:SECRET-ACCESS-KEY"

export BACKUPS=https://storage.googleapis.com/BUCKET/${backups} SAS= CURLRC=/path/to/a/file
  # TOKEN is what this prints: gcloud auth print-access-token
  oauth2-bearer = "TOKEN"

export BACKUPS=https://ACCOUNT.blob.core.windows.net/CONTAINER/${backups} SAS='?sv=…' CURLRC=/dev/null
\`\`\`

Then, in a folder with room for it:

\`\`\`sh fetch
${chain.length === 0 ? '' : fetchParents(chain)}mkdir -p ${backupId}
cd ${backupId}
${fetchFiles(backupId, artifacts)}
\`\`\``
}

function fetchFiles(backupId: string, artifacts: readonly Artifact[]): string {
  const names = [DOCUMENTS, ...artifacts.map(partsOf)]
  const urls = names.map((name) => `  "$BACKUPS/${backupId}/${name}$SAS"`)
  return [`${CURL} --remote-name-all`, ...urls].join(' \\\n')
}

const CURL = 'curl --config "$CURLRC" --fail --fail-early --silent --show-error --retry 5'

/** In curl's words: a range of numbers of five digits. */
function partsOf({ name, parts }: Artifact): string {
  const no = (each: number) => String(each).padStart(5, '0')
  return `${name}.${parts.length === 1 ? no(0) : `[${no(0)}-${no(parts.length - 1)}]`}`
}

/** How many parts each of them has, its own page knows. */
function fetchParents(chain: readonly string[]): string {
  return `for backup in ${chain.join(' ')}; do
  mkdir -p "$backup"
  (cd "$backup" && ${CURL} --remote-name "$BACKUPS/$backup/RECOVER.md$SAS" && sed -n '/^curl /,/[^\\]$/p' RECOVER.md | sh -e)
done
`
}
