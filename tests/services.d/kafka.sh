# Apache Kafka for tests/services: fetch the jars, format, start, stop, tools. Sourced, never run.
# Uses $dir, $home, die, say, alive, stop_process, wait_until.
# shellcheck shell=bash disable=SC2154

kafka_fetch() {
  [[ -d $dir/libs ]] && return
  say "fetching the Kafka jars with Maven"
  rm -rf "$dir/libs.part"
  mvn -q -B -f "$home/services.d/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
    -DoutputDirectory="$dir/libs.part" >"$dir/maven.log" 2>&1 || die "Maven failed, see $dir/maven.log"
  mv "$dir/libs.part" "$dir/libs"
}

# java_run ARGS...: a JVM with the Kafka jars.
java_run() {
  java -XX:+UseSerialGC -Dlog4j2.configurationFile="$home/services.d/log4j2.properties" -cp "$dir/libs/*" "$@"
}

kafka_format() {
  [[ -f $dir/kafka/meta.properties ]] && return
  sed -e "s|@DIR@|$dir|" -e "s|@KAFKA_PORT@|$kafka_port|" -e "s|@CONTROLLER_PORT@|$controller_port|" \
    "$home/services.d/server.properties" >"$dir/server.properties"
  java_run kafka.tools.StorageTool format --standalone -c "$dir/server.properties" \
    -t "$(java_run kafka.tools.StorageTool random-uuid)" >"$dir/format.log" 2>&1 ||
    die "formatting the Kafka log directory failed, see $dir/format.log"
}

kafka_alive() { alive "$dir/kafka.pid" "$dir/server.properties"; }

kafka_answers() { timeout 20 "$0" --dir "$dir" kafka-topics --list >/dev/null 2>&1; }

kafka_launch() {
  say "starting Kafka on port $kafka_port"
  # setsid: a Ctrl-C in the terminal must not reach the broker. 9>&-: it must not hold the lock either.
  setsid java -Xms384m -Xmx384m -XX:+UseSerialGC -Dlog.level=INFO \
    -Dlog4j2.configurationFile="$home/services.d/log4j2.properties" -cp "$dir/libs/*" \
    kafka.Kafka "$dir/server.properties" >>"$dir/kafka.log" 2>&1 </dev/null 9>&- &
  echo $! >"$dir/kafka.pid"
}

kafka_start() {
  kafka_alive || kafka_launch
  wait_until kafka_alive kafka_answers || die "Kafka does not answer, see $dir/kafka.log"
}

kafka_stop() { stop_process "$dir/kafka.pid" "$dir/server.properties" TERM; }

kafka_kill() { stop_process "$dir/kafka.pid" "$dir/server.properties" KILL; }

# kafka_tool NAME ARGS...: one of Kafka's own tools, pointed at this broker.
kafka_tool() {
  local tool=$1 class
  shift
  case $tool in
    kafka-topics) class=TopicCommand ;;
    kafka-groups) class=consumer.group.ConsumerGroupCommand ;;
    kafka-transactions) class=TransactionsCommand ;;
    kafka-console-consumer) class=consumer.ConsoleConsumer ;;
    *) die "no such tool: $tool" ;;
  esac
  java_run "org.apache.kafka.tools.$class" --bootstrap-server "127.0.0.1:$kafka_port" "$@"
}
