# The service of one region. Settings come from the environment (apps/region/config/settings.ts names every key), and
# ATOLL_CONFIG names the module that declares the entity types: those of the tour, unless another one is mounted.
FROM debian:bookworm-slim AS tools
RUN apt-get update \
  && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends nodejs npm \
  && rm -rf /var/lib/apt/lists/*
# Certificates that the base image trusts, for builds behind a company's gateway.
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt PATH=/opt/tools/node_modules/.bin:$PATH
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Debian's Node is too old to install with, so the pinned one comes first: npm would leave out parts without a word.
RUN npm install --no-audit --no-fund --loglevel=error --prefix /opt/tools npm@11 \
  "node@$(node -p 'require("./package.json").devDependencies.node')"

FROM tools AS dependencies
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM dependencies AS build
RUN npm ci --ignore-scripts
COPY tsconfig.base.json tsconfig.build.json ./
COPY scripts scripts
COPY libs libs
COPY apps apps
RUN node scripts/build.mjs --programs

FROM debian:bookworm-slim
RUN useradd --system --uid 990 --user-group atoll
WORKDIR /app
COPY --from=tools /opt/tools/node_modules/node/bin/node /usr/local/bin/node
COPY --from=dependencies /app/package.json package.json
COPY --from=dependencies /app/node_modules node_modules
COPY proto proto
COPY --from=build /app/dist dist
ENV NODE_ENV=production \
  ATOLL_CONFIG=/app/dist/apps/cli/tour/atoll.config.js \
  ATOLL_HTTP=0.0.0.0:7410 \
  ATOLL_GRPC=0.0.0.0:7420
USER atoll
EXPOSE 7410 7420
HEALTHCHECK --interval=2s --timeout=3s --start-period=60s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.ATOLL_HTTP.split(':').at(-1)}/livez`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--enable-source-maps", "dist/apps/region/main.js"]
