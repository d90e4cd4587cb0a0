#!/bin/bash
# Formats the storage on first start and becomes the broker.
#
# KAFKA_ADVERTISED_LISTENERS  NAME://host:port,...  what clients that come in at `port` are told; the first one is the
#                             region's own, the others are for peers. The broker listens on these ports.
# KAFKA_HEAP_MEBIBYTES        the JVM's heap
set -euo pipefail

advertised=$KAFKA_ADVERTISED_LISTENERS
listeners='' protocols='' own=''
IFS=',' read -r -a entries <<<"$advertised"
for entry in "${entries[@]}"; do
  name=${entry%%://*}
  own=${own:-$name}
  listeners+="$name://0.0.0.0:${entry##*:},"
  protocols+="$name:PLAINTEXT,"
done

cat >/data/server.properties <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:9093
listeners=${listeners}CONTROLLER://127.0.0.1:9093
advertised.listeners=$advertised
listener.security.protocol.map=${protocols}CONTROLLER:PLAINTEXT
inter.broker.listener.name=$own
controller.listener.names=CONTROLLER
log.dirs=/data/log
message.max.bytes=4194304
replica.fetch.max.bytes=4194304
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=300
PROPERTIES

java=(java "-Xmx${KAFKA_HEAP_MEBIBYTES}m" -Xms64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp '/opt/kafka/*')
if [[ ! -f /data/log/meta.properties ]]; then
  id=$("${java[@]}" kafka.tools.StorageTool random-uuid)
  "${java[@]}" kafka.tools.StorageTool format -t "$id" -c /data/server.properties
fi
exec "${java[@]}" kafka.Kafka /data/server.properties
