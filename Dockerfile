# One image for web, worker, shells, beat and migrate; docker-compose.yml says which command each runs.
FROM python:3.12-slim-bookworm AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/run.txt requirements/assets.txt /requirements/
RUN python -m venv /opt/lab \
    && /opt/lab/bin/pip install --require-hashes --only-binary :all: -r /requirements/run.txt \
    && /opt/lab/bin/pip install --require-hashes --only-binary :all: --no-deps -r /requirements/assets.txt

FROM python:3.12-slim-bookworm
ENV PATH=/opt/lab/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=webapp.settings \
    VAR_DIR=/var/lib/sig-windows-lab
# Builds fetch with Git. Go is mounted, docker-compose.yml says where: a tree wants its own version of it.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --no-log-init --uid 10001 --home-dir /var/lib/sig-windows-lab --create-home lab
COPY --from=packages /opt/lab /opt/lab
WORKDIR /srv/sig-windows-lab
COPY manage.py ./
COPY environments environments
COPY static static
COPY templates templates
COPY webapp webapp
# Collected files are made under a key that is used for nothing else and kept nowhere.
RUN SECRET_KEY=only-for-collectstatic STATIC_ROOT=/srv/sig-windows-lab/collected \
    python manage.py collectstatic --no-input --verbosity 0 \
    && python -m compileall -q webapp
ENV STATIC_ROOT=/srv/sig-windows-lab/collected
USER 10001
VOLUME /var/lib/sig-windows-lab
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["uvicorn", "webapp.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--workers", "1", "--ws", "webapp.ws.protocol:FrameProtocol", "--ws-per-message-deflate", "false", "--timeout-graceful-shutdown", "10"]
