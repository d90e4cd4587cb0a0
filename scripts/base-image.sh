#!/usr/bin/env bash
# Makes sure that the image debian:bookworm-slim is here: pulled, or, where no image registry is reachable, built from
# Debian packages with mmdebstrap (needs root; about 30 s). Certificates that this machine trusts beside Debian's own
# come along, so that builds behind a company's gateway reach their package sources.
set -euo pipefail

image=debian:bookworm-slim
extra_certificates=/usr/local/share/ca-certificates
pull_seconds_max=60

if docker image inspect "$image" >/dev/null 2>&1; then exit 0; fi
if timeout "$pull_seconds_max" docker pull -q "$image" >/dev/null 2>&1; then exit 0; fi

echo "$image cannot be pulled; building it from Debian packages"
if ! command -v mmdebstrap >/dev/null; then
  echo 'mmdebstrap is missing: apt-get install mmdebstrap' >&2
  exit 1
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

sources=(/etc/apt/sources.list.d/debian.sources)
if [[ ! -f ${sources[0]} ]]; then sources=(/etc/apt/sources.list); fi
hooks=()
if compgen -G "$extra_certificates/*.crt" >/dev/null; then
  # The single quotes are meant: mmdebstrap gives its hook the root directory as $1.
  # shellcheck disable=SC2016
  hooks+=(--customize-hook="copy-in $extra_certificates /usr/local/share" --customize-hook='chroot "$1" update-ca-certificates')
fi

mmdebstrap --quiet --variant=minbase --include=ca-certificates "${hooks[@]}" bookworm "$scratch/rootfs.tar" "${sources[@]}"
docker import "$scratch/rootfs.tar" "$image" >/dev/null
