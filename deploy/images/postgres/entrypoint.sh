#!/bin/sh
# Creates the database on first start, with a password and nothing open to whoever has none, and becomes the server.
set -eu

: "${POSTGRES_PASSWORD:?is required: set POSTGRES_PASSWORD}"
user=${POSTGRES_USER:-atoll}
database=${POSTGRES_DB:-$user}

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  secret=$(mktemp)
  printf '%s\n' "$POSTGRES_PASSWORD" >"$secret"
  initdb --username="$user" --pwfile="$secret" --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 >/dev/null
  rm -f "$secret"
  printf 'host all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
  if [ "$database" != postgres ]; then
    # A server without a port, for as long as it takes: nobody can meet it half made.
    printf 'create database "%s";\n' "$database" | postgres --single -D "$PGDATA" postgres >/dev/null
  fi
fi

exec postgres -c listen_addresses='*' "$@"
