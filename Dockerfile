# syntax=docker/dockerfile:1.7
# One image, one binary; the role is the command: docker run IMAGE lander --config /etc/connector/lander.toml

FROM rust:1.95.0-slim-bookworm AS builder
# librdkafka and aws-lc are C: a compiler comes with the image, OpenSSL and zlib do not.
RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential libssl-dev pkg-config zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# No `embedded` unless asked for: no broker, bank or database in process. The caches outlive a build, so the binary is
# copied out of them.
ARG FEATURES=""
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --package connector --no-default-features --features "$FEATURES" \
    && cp target/release/connector /connector

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl libssl3 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin connector
COPY --from=builder /connector /usr/local/bin/connector
COPY schemas /usr/share/connector/schemas
# Numeric, so that Kubernetes can check runAsNonRoot.
USER 10001:10001
ENTRYPOINT ["connector"]
CMD ["--help"]
