# The Copilot service that the gateway asks. Build it from the root of the repository:
#   docker build -f deploy/copilot.Dockerfile -t copilot-service .
# It starts only with COPILOT_SERVICE_TOKEN set, and with a GitHub token, a model provider or COPILOT_ENGINE=demo.

# The newest LTS line of Node. Not Alpine: the Copilot SDK's runtime is tried out on glibc.
ARG NODE_VERSION=26

FROM node:${NODE_VERSION}-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
# What a debugger would want is left out of what runs.
RUN npm run build && find dist \( -name '*.map' -o -name '*.tsbuildinfo' -o -name '.tsbuildinfo' \) -delete

FROM node:${NODE_VERSION}-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund && find node_modules -name '*.map' -delete
# npm takes it lightly when an optional package cannot be installed; here it is what the image is for.
RUN ls node_modules/@github/copilot-sdk/package.json node_modules/@github/copilot-sdk-linux-*/package.json

FROM node:${NODE_VERSION}-slim
# The SDK's runtime is a program of its own and does not use Node's certificates.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production HOST=0.0.0.0 COPILOT_PORT=3001
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# The image's user "node", by number, so that Kubernetes can tell that it is not root.
USER 1000:1000
EXPOSE 3001
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.COPILOT_PORT + '/health').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Node itself, not npm, so that SIGTERM arrives.
CMD ["node", "dist/copilot/server.js"]
