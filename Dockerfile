# One image for all of Lifeboat: `docker run lifeboat uploader`, `docker run lifeboat cli status`.
# Nothing is compiled: Node runs the TypeScript sources as they are.
ARG BASE_IMAGE=node:24-bookworm-slim

# Only what decides which packages are installed, so that a change of sources installs nothing again.
FROM ${BASE_IMAGE} AS manifests
WORKDIR /lifeboat
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
COPY apps apps
COPY packages packages
RUN find apps packages -type f ! -name package.json -delete && find apps packages -type d -empty -delete

FROM ${BASE_IMAGE}

# PostgreSQL's client programs for dumps and its server for drills; no cluster is made and nothing is started.
RUN mkdir -p /etc/postgresql-common/createcluster.d \
 && echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.d/lifeboat.conf \
 && apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql age zstd attr ca-certificates \
 && rm -rf /var/lib/apt/lists/*

RUN useradd --uid 10001 --create-home --home-dir /home/lifeboat lifeboat \
 && install -d -o lifeboat -g lifeboat /etc/lifeboat /var/lib/lifeboat /var/lib/lifeboat/spool /var/lib/lifeboat/scratch \
      /var/lib/lifeboat/sample /targets/north /targets/south /targets/west \
      /secrets/agent /secrets/verifier /secrets/spool /secrets/sample

WORKDIR /lifeboat
COPY --from=manifests /lifeboat ./
# Production dependencies of the apps only; the package manager and its caches do not stay.
RUN npx -y pnpm@12 install --prod --frozen-lockfile --filter '{./apps/*}...' --config.verify-deps-before-run=false \
 && rm -rf /root/.npm /root/.cache /root/.local
COPY apps apps
COPY packages packages
COPY deploy deploy

USER lifeboat
# The C library keeps a store of freed memory for each thread; with one for all of them an agent that keeps WAL takes some 20 MB less and is no slower.
# And what is a megabyte or more goes back to the system when it is freed: the library raises that bound by itself to what was freed before, and keeps twice as much.
ENV LIFEBOAT_CONFIG=/etc/lifeboat/lifeboat.yaml NODE_ENV=production NODE_COMPILE_CACHE=/home/lifeboat/.cache/node \
    MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=1048576
# What Node makes of the sources, once for all starts: what erases the types is not loaded then. A start without a
# configuration has read all its sources when it ends with 2, and the thread that extracts finds nobody who gives it work.
RUN for service in scheduler backup-agent uploader verifier alerter; do \
      node apps/$service/src/main.ts > /dev/null; [ $? -eq 2 ] || exit 1; \
    done \
 && node packages/recovery/src/extract/extract-thread-main.ts
ENTRYPOINT ["/lifeboat/deploy/docker/entrypoint.sh"]
CMD ["cli", "--help"]
