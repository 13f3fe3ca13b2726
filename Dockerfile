# syntax=docker/dockerfile:1
# Pinned: the version that the tests run on.
FROM node:20.20.2-bookworm-slim AS base
WORKDIR /app
ENV NODE_ENV=production

# Only what decides which packages are installed: the layers behind it stay cached while only sources change.
FROM base AS manifests
COPY package.json package-lock.json ./
COPY protocol/package.json protocol/
COPY server/package.json server/
COPY client-sdk/package.json client-sdk/
COPY dashboard/package.json dashboard/
COPY load-tests/package.json load-tests/

FROM manifests AS build
RUN --mount=type=cache,target=/root/.npm npm ci --include=dev --ignore-scripts
COPY . .
RUN npm run build

FROM manifests AS packages
RUN --mount=type=cache,target=/root/.npm \
  npm ci --omit=dev --ignore-scripts -w tidegate -w @tidegate/client -w @tidegate/protocol \
  && rm -r dashboard load-tests

FROM base
COPY --from=packages /app ./
# The server leaves its version to the config; an image has the one of the lock.
COPY --from=build /app/node_modules/zod node_modules/zod
COPY --from=build /app/protocol/dist protocol/dist
COPY --from=build /app/client-sdk/dist client-sdk/dist
COPY server/bin/tidegate.js server/bin/
COPY server/templates server/templates
COPY --from=build /app/server/dist server/dist
COPY deploy/healthcheck.js deploy/
# By number: Kubernetes checks that it is not root.
USER 1000:1000
EXPOSE 8080 9090 9464
ENTRYPOINT ["node", "server/bin/tidegate.js"]
CMD ["--help"]
