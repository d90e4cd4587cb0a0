#!/usr/bin/env bash
# Builds the images of docker-compose.yml and of the container suite. Needs a Docker engine; layers that are current are
# not built again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/base-image.sh

build() { # image, Dockerfile
  local log
  log=$(mktemp)
  # The classic builder is enough, and there is an engine without the other one in Debian.
  if DOCKER_BUILDKIT=${DOCKER_BUILDKIT:-0} docker build --force-rm -t "$1:local" -f "$2" . >"$log" 2>&1; then
    echo "$1:local"
    rm -f "$log"
  else
    tail -n 60 "$log" >&2
    rm -f "$log"
    return 1
  fi
}

build atoll-postgres deploy/images/postgres/Dockerfile
build atoll-kafka deploy/images/kafka/Dockerfile
build atoll-region Dockerfile
