# The image holds the program, the libraries it is linked to, certificates and the sample graphs; no shell, no package manager.

FROM debian:trixie-slim AS build
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        gcc libc6-dev meson ninja-build pkgconf libmicrohttpd-dev libevent-dev libcurl4-openssl-dev libjansson-dev \
        liblua5.4-dev libsqlite3-dev uuid-dev ca-certificates \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN meson setup /build -Dbuildtype=release -Dtests=false --prefix=/usr/local \
    && ninja -C /build anabranch \
    && strip /build/anabranch \
    && sh deploy/image-root.sh /build/anabranch /image \
    && mkdir /image-data

FROM scratch
COPY --from=build /image/ /
COPY --from=build --chown=10001:10001 /image-data/ /data/
USER 10001:10001
WORKDIR /etc/anabranch
ENV ANABRANCH_LISTEN=0.0.0.0:8123 \
    ANABRANCH_DATABASE=sqlite:///data/anabranch.db
VOLUME /data
EXPOSE 8123
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=3 CMD ["/usr/local/bin/anabranch", "health"]
ENTRYPOINT ["/usr/local/bin/anabranch"]
CMD ["serve"]
