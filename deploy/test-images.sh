#!/usr/bin/env bash
# Builds both images without Docker, looks at what is in them, and runs them: read-only, as uid 1000, on this machine's loopback.
# Needs root, buildah, mmdebstrap, curl. The base, whose name is the official image's, is made of Debian's packages and npm's own
# package of Node; packages come from where this machine's apt and npm have them from.
set -Eeuo pipefail
exec 3>&2
cd "$(dirname "$0")/.."

NODE_VERSION=$(sed -n 's/^ARG NODE_VERSION=//p' deploy/Dockerfile)
KEY=$(head -c 24 /dev/urandom | base64 | tr -d '/+')
WORK=$(mktemp -d)
# Copies every layer whole where the kernel cannot lay one over the other.
DRIVER=vfs
mkdir "$WORK"/{lower,upper,work,merged}
if mount -t overlay overlay -o "lowerdir=$WORK/lower,upperdir=$WORK/upper,workdir=$WORK/work" "$WORK/merged" 2> /dev/null; then umount "$WORK/merged"; DRIVER=overlay; fi
processes=()

fail () { { printf "image test failed: %s\n" "$*"; tail -n 5 "$WORK"/*.log || true; } >&3 2>&1; exit 1; }
says () { printf '  %-58s %s\n' "$1" "${2-ok}"; }
buildah () { command buildah --root "$WORK/storage" --runroot "$WORK/run" --storage-driver "$DRIVER" "$@"; }
finish () {
  for pid in "${processes[@]}"; do kill -9 "$pid" 2> /dev/null || true; done
  buildah umount --all > /dev/null 2>&1 || true
  rm -rf "$WORK"
}
trap finish EXIT
trap 'fail "line $LINENO: $BASH_COMMAND"' ERR

make_base () {
  local codename mirror root=$WORK/base
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | awk -v name="$codename" '$1 == name { print $2; exit }')
  # Without waiting for the disk, and without what nobody reads there.
  mmdebstrap --quiet --variant=minbase --include=libatomic1 --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    "$codename" "$root" "deb $mirror $codename main" > "$WORK/base.log" 2>&1 &
  local system=$!
  (cd "$WORK" && npm pack --silent "node-$(uname -s | tr '[:upper:]' '[:lower:]')-$(node -p process.arch)@$NODE_VERSION" > /dev/null && tar xzf node-*.tgz)
  wait "$system"
  cp -r /etc/apt/sources.list* /etc/apt/apt.conf.d /etc/apt/trusted.gpg.d "$root/etc/apt/"
  # Other sources of this machine are none of the image's.
  find "$root/etc/apt/sources.list.d" -type f ! -name 'debian*' -delete
  install -m 755 "$WORK/package/bin/node" "$root/usr/local/bin/node"
  mkdir -p "$root/usr/local/lib/node_modules"
  cp -r "$(npm root -g)/npm" "$root/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  chroot "$root" useradd --uid 1000 --user-group --create-home node
  printf 'FROM scratch\nCOPY base /\nENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nCMD ["node"]\n' > "$WORK/base.Dockerfile"
  # Under its full name: a short one would be looked for elsewhere.
  buildah bud --isolation chroot --format docker -q -f "$WORK/base.Dockerfile" -t "docker.io/library/node:$NODE_VERSION-slim" "$WORK" > /dev/null
  rm -rf "$root"
}

build () { # file, name
  # Where packages come from is this machine's secret: it is mounted, and no part of any layer.
  { cat "$(npm config get userconfig)" 2> /dev/null || true; printf '\nregistry=%s\n' "$(npm config get registry)"; } > "$WORK/npmrc"
  local mounts=(--volume "$WORK/npmrc:/root/.npmrc:ro" --volume "$(npm config get cache):/root/.npm")
  if [ -n "${NODE_EXTRA_CA_CERTS-}" ]; then
    echo 'cafile=/run/ca.pem' >> "$WORK/npmrc"
    mounts+=(--volume "$NODE_EXTRA_CA_CERTS:/run/ca.pem:ro")
  fi
  buildah bud --isolation chroot --format docker --layers --pull-never --network host "${mounts[@]}" -f "$1" -t "$2" . > "$WORK/$2.log" 2>&1
  local container
  container=$(buildah from --pull-never --name "$2-container" "localhost/$2")
  buildah mount "$container" > "$WORK/$2.root"
  buildah inspect --type image "localhost/$2" | node -e 'console.log(JSON.stringify(JSON.parse(require("fs").readFileSync(0)).Docker.config))' > "$WORK/$2.json"
}

look_into () { # name
  local root; root=$(< "$WORK/$1.root")
  node deploy/inspect-image.mjs "$root/app" package-lock.json "$1"
  if [ -s "$root/root/.npmrc" ] || [ -s "$root/run/ca.pem" ] || grep -rlIE --include='*.js' --include='*.json' --include='.npmrc' -m1 "_authToken=" "$root/app/dist" "$root/app/package.json" "$root/etc" "$root/root" 2> /dev/null; then fail "$1 has this machine's secrets"; fi
  says "size of $1: the application, on top of its base" "$(du -sm "$root/app" | cut -f1) MB"
}

# Runs a command in an image as its user, without anything to write to but /tmp; in this process, which it replaces.
enter () { # name, command …
  local name=$1 root; root=$(< "$WORK/$1.root"); shift
  exec unshare --mount -- bash -c '
    root=$1; user=$2; shift 2
    mount --bind "$root" "$root" && mount -o remount,bind,ro "$root" && mount --rbind /proc "$root/proc" && mount --rbind /dev "$root/dev" && mount -t tmpfs tmpfs "$root/tmp"
    chmod 1777 "$root/tmp"
    exec chroot --userspec="$user" "$root" /bin/sh -c "cd /app && exec \"\$@\"" sh "$@"' enter "$root" "$(json "$name" User)" \
    env -i $(node -p 'JSON.parse(require("fs").readFileSync(process.argv[1])).Env.join(" ")' "$WORK/$name.json") "$@"
}
json () { node -e 'const value = JSON.parse(require("fs").readFileSync(process.argv[1]))[process.argv[2]]; console.log(Array.isArray(value) ? value.join("\n") : value)' "$WORK/$1.json" "$2"; }
# What CMD says, with variables in front.
start () { # name, variables …
  local name=$1 command; shift
  mapfile -t command < <(json "$name" Cmd)
  (enter "$name" "$@" "${command[@]}") > "$WORK/$name.out.log" 2>&1 &
  started=$!
  processes+=("$started")
}
is_healthy () { # name, variables …
  local name=$1 check; shift
  mapfile -t check < <(node -e 'for (const word of JSON.parse(require("fs").readFileSync(process.argv[1])).Healthcheck.Test.slice(1)) console.log(word)' "$WORK/$name.json")
  (enter "$name" "$@" "${check[@]}") > /dev/null 2>&1
}
becomes_healthy () { for _ in $(seq 120); do is_healthy "$@" && return; kill -0 "$started" 2> /dev/null || fail "$1 ended: $(tail -n 3 "$WORK/$1.out.log")"; sleep 0.25; done; fail "$1 never was healthy"; }
ends_with () { # code, pid
  local code=0; wait "$2" || code=$?
  [ "$code" = "$1" ] || fail "it ended with $code instead of $1"
}
refuses () { # name, what it says, variables …
  local name=$1 pattern=$2; shift 2
  start "$name" "$@"
  ends_with 1 "$started"
  grep -q "$pattern" "$WORK/$name.out.log" || fail "$name did not say why it does not start"
}
free_port () { node -e 'const server = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(server.address().port); server.close() })'; }

make_base; says "a base with Node $NODE_VERSION (after $SECONDS s)"
build deploy/Dockerfile gateway; build deploy/copilot.Dockerfile copilot; says "both Dockerfiles build (after $SECONDS s)"
for name in gateway copilot; do look_into "$name"; done

# With a service to ask, so that nobody to ask is not what it refuses for.
refuses gateway 'AUTH_MODE must be' COPILOT_SERVICE_URL=http://127.0.0.1:9
refuses copilot 'COPILOT_SERVICE_TOKEN' COPILOT_ENGINE=demo
says 'closed until somebody says who may ask'

PORT=$(free_port) COPILOT_PORT=$(free_port)
start copilot HOST=127.0.0.1 COPILOT_PORT="$COPILOT_PORT" COPILOT_SERVICE_TOKEN="$KEY" COPILOT_ENGINE=demo; copilot=$started
becomes_healthy copilot COPILOT_PORT="$COPILOT_PORT"
start gateway HOST=127.0.0.1 PORT="$PORT" AUTH_MODE=api-key API_KEYS="me:$KEY" COPILOT_SERVICE_URL="http://127.0.0.1:$COPILOT_PORT" COPILOT_SERVICE_TOKEN="$KEY"; gateway=$started
becomes_healthy gateway PORT="$PORT"
says 'both are healthy, by the checks that are in them'
sleep 1
for name in gateway copilot; do says "memory of $name at rest" "$(($(awk '/^VmRSS/ { print $2 }' "/proc/${!name}/status") / 1024)) MB"; done

grep -q '^Uid:\s*1000' "/proc/$gateway/status" || fail 'the gateway does not run as uid 1000'
[ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$PORT/api/models")" = 401 ] || fail 'somebody without a key was let in'
curl -s "http://127.0.0.1:$PORT/" | grep -i '^<!doctype html>' > /dev/null || fail 'the page is not a part of the gateway'
ask () { curl -sS --max-time 120 -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' "$@" -d '{"prompt":"Tell me what you do"}' "http://127.0.0.1:$PORT/api/chat"; }
ask > "$WORK/answer"
[ -s "$WORK/answer" ] || fail 'there was no answer'
says 'an answer through both' "$(wc -c < "$WORK/answer") bytes"

ask -N -H 'Accept: text/event-stream' > "$WORK/events" & reader=$!
for _ in $(seq 400); do grep -q '^event: delta' "$WORK/events" && break; sleep 0.05; done
grep -q '^event: done' "$WORK/events" && fail 'the answer was over before the stop'
kill -TERM "$gateway"
wait "$reader" || fail 'the answer was cut by the stop'
grep -q '^event: done' "$WORK/events" || fail 'the answer was not told to its end'
ends_with 0 "$gateway"
kill -TERM "$copilot"
ends_with 0 "$copilot"
is_healthy gateway PORT="$PORT" && fail 'a gateway that is gone is healthy'
says 'stopped in the middle of an answer: whole, and exit code 0'
says "all of it took" "$SECONDS s"
