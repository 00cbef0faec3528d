# PersonaChat for a server: docs/operations.md says how to run it. Nothing runs as root.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /app
COPY requirements.txt .
RUN /app/bin/pip install --no-cache-dir --requirement requirements.txt
COPY . .
RUN /app/bin/pip install --no-cache-dir --no-deps .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin personachat \
  && install --directory --owner=personachat --mode=700 /data
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH \
  PYTHONUNBUFFERED=1 \
  HOME=/data \
  PERSONACHAT_DATA_DIR=/data/data \
  PERSONACHAT_PERSONAS_DIR=/data/personas
WORKDIR /data
USER 10001
VOLUME ["/data"]
EXPOSE 8501
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/api/health', timeout=4)"]
CMD ["personachat", "serve", "--host", "0.0.0.0", "--port", "8501", "--headless"]
