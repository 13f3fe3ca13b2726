FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY . .
# `npm ci` also builds the page; afterwards only what runs is kept.
RUN npm ci && npm prune --omit=dev --ignore-scripts

FROM node:20-bookworm-slim
WORKDIR /app
COPY --from=build --chown=node:node /app ./
USER node
EXPOSE 8080
ENTRYPOINT ["node", "server/bin/tidegate.js"]
CMD ["--help"]
