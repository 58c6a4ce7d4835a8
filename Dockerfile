FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --profile dist --locked \
    && cp target/dist/chatterbox /usr/local/bin/chatterbox

FROM debian:bookworm-slim
# Certificates: for neo4j+s://, smtps:// and the like.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home chatterbox \
    && install --directory --owner=chatterbox --group=chatterbox /data
COPY --from=build /usr/local/bin/chatterbox /usr/local/bin/chatterbox
USER chatterbox
ENV CHATTERBOX_LISTEN=0.0.0.0:8080 CHATTERBOX_GRPC_LISTEN=0.0.0.0:8081 CHATTERBOX_DATA=/data
VOLUME /data
EXPOSE 8080 8081
# The image has no HTTP client.
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /health/live HTTP/1.0\\r\\n\\r\\n' >&3 && read -r line <&3 && [[ $line == *' 200 '* ]]"]
ENTRYPOINT ["chatterbox"]
CMD ["serve"]
