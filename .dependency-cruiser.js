/**
 * Who may import whom. `shared/domain ← rest of shared ← storage, postgres ← files ← config, catalog, recovery ← apps`; the reason for each arrow is its comment.
 * @type {import('dependency-cruiser').IConfiguration}
 */
const TESTS = String.raw`(\.test\.ts$|/test/|/conformance/describe-|^e2e/|^bench/|^scripts/|^packages/testkit/)`

/** A vendor's package and the one place that speaks to that vendor. */
const vendors = [
  { name: 's3', sdk: '@aws-sdk|@smithy', home: '^packages/storage/src/s3[/.-]' },
  { name: 'gcs', sdk: '@google-cloud', home: '^packages/storage/src/gcs[/.-]' },
  { name: 'azure', sdk: '@azure', home: '^packages/storage/src/azure[/.-]' },
  { name: 'nats', sdk: '@nats-io', home: '^packages/shared/src/bus/' },
  { name: 'pg', sdk: 'pg', home: '^packages/postgres/src/' },
  { name: 'mail', sdk: 'nodemailer', home: '^apps/alerter/src/channels/' },
  { name: 'http', sdk: 'fastify', home: '^apps/(backup-agent|console)/|^packages/shared/src/service/' },
  { name: 'signatures', sdk: 'jose', home: '^packages/shared/src/signing/' },
  { name: 'logs', sdk: 'pino', home: '^packages/shared/src/(log|service)/' },
  { name: 'metrics', sdk: 'prom-client', home: '^packages/shared/src/(log|service|metrics)/' },
  { name: 'command-line', sdk: 'commander', home: '^apps/cli/src/' },
]

/** @returns a rule that keeps everything under `path` from importing what `to` matches */
const forbid = (name, comment, path, to, pathNot = []) => ({
  name,
  comment,
  severity: 'error',
  from: { path, pathNot: [TESTS, ...pathNot] },
  to: { path: to },
})

export default {
  forbidden: [
    forbid(
      'domain-is-the-ground',
      'The words of the domain are pure data that the web page may load too: of shared they take only time and errors.',
      '^packages/shared/src/domain/',
      '^packages/shared/src/(?!domain/|time/|errors/)',
    ),
    forbid(
      'shared-knows-nobody',
      'What everybody shares must not depend on anybody: shared never learns what S3 or pg_dump is.',
      '^packages/shared/src/',
      '^(packages/(?!shared/)|apps/)',
    ),
    forbid(
      'storage-takes-shared-only',
      'A target moves bytes; it knows neither databases nor catalogues nor the configuration file.',
      '^packages/storage/src/',
      '^(packages/(?!shared/|storage/)|apps/)',
    ),
    forbid(
      'postgres-takes-shared-only',
      'PostgreSQL and its tools end in byte streams; where these go is not their business.',
      '^packages/postgres/src/',
      '^(packages/(?!shared/|postgres/)|apps/)',
    ),
    forbid(
      'files-take-tools-only',
      'A tree of files is read and written by programs; the way programs are joined is what it shares with PostgreSQL.',
      '^packages/files/src/',
      String.raw`^(packages/(?!shared/|files/|postgres/src/(pipeline/|tools/|source-finding\.ts))|apps/)`,
    ),
    forbid(
      'config-takes-what-it-describes',
      'The configuration is composed of what sources and targets say about themselves, and of nothing else.',
      '^packages/config/src/',
      '^(packages/(?!shared/|storage/|postgres/|files/|config/)|apps/)',
    ),
    forbid(
      'catalog-takes-facts-and-targets',
      'The catalogue is a projection of facts and can be rebuilt from a target; it needs no database and no configuration.',
      '^packages/catalog/src/',
      '^(packages/(?!shared/|storage/|catalog/)|apps/)',
    ),
    forbid(
      'recovery-needs-a-target-and-a-key',
      'A bare host brings a cluster back with a target and a key: no bus, no catalogue, no configuration file.',
      '^packages/recovery/src/',
      '^(packages/(?!shared/|storage/|postgres/|files/|recovery/)|packages/shared/src/bus/|apps/)',
    ),
    {
      name: 'apps-meet-on-the-bus',
      comment: 'A service that imports another cannot be deployed, killed or replaced alone.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    forbid(
      'agent-holds-no-cloud',
      'The database host has no cloud credentials (P5), so its agent has no code that could use them. Configuration schemas are no such code.',
      '^apps/(backup-agent|scheduler|alerter)/src/',
      '^packages/storage/src/(?!target-config\\.ts$|target\\.ts$|lent/)',
    ),
    {
      name: 'e2e-meets-apps-as-an-operator',
      comment: 'A story over the whole system starts the real processes and talks to the bus, the CLI and the mailbox.',
      severity: 'error',
      from: { path: '^e2e/' },
      to: { path: '^apps/' },
    },
    forbid(
      'testkit-is-for-tests',
      'Servers that lie on purpose and worlds that are thrown away have no place in production code.',
      '^(apps|packages)/',
      '^packages/testkit/',
    ),
    {
      name: 'tests-are-nobodys-library',
      comment: 'What two tests share belongs into the testkit, where it is found and kept honest.',
      severity: 'error',
      from: { pathNot: String.raw`(\.test\.ts$|/test/|^e2e/)` },
      to: { path: String.raw`\.test\.ts$|^(apps|packages)/[^/]+/test/` },
    },
    {
      name: 'main-is-nobodys-library',
      comment: 'main.ts starts a process when it is imported.',
      severity: 'error',
      from: {},
      to: { path: '^apps/[^/]+/src/main\\.ts$' },
    },
    ...vendors.map(({ name, sdk, home }) =>
      forbid(
        `vendor-${name}-stays-home`,
        `Only ${home} speaks to this vendor; its types and errors are translated there and go no further.`,
        '^(apps|packages)/',
        `node_modules/(${sdk})/`,
        [home],
      ),
    ),
    {
      name: 'no-circles',
      comment: 'Two files that need each other are one file, or lack a third. Types alone may look back.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'only-declared-packages',
      comment: 'What a package.json does not list is there by luck.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'everything-resolves',
      comment: 'An import that leads nowhere fails at the worst moment: on the path nobody tried.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'production-needs-no-dev-packages',
      comment: 'Images are made without development packages.',
      severity: 'error',
      from: { path: '^(apps|packages)/[^/]+/src/', pathNot: [TESTS] },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    combinedDependencies: true, // vitest and fast-check are the root's
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
}
