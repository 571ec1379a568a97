# The image of the pipeline's nodes. The base is any Debian with Python 3.11, named with its digest:
#
#   docker build --build-arg BASE=docker.io/library/python:3.11-slim-bookworm@sha256:... -t REGISTRY/bert-pipeline .
ARG BASE

FROM ${BASE} AS build
# Three packages of the lock have no wheel, and are built with its setuptools.
RUN apt-get update && apt-get install --yes --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
COPY requirements.lock /build/
RUN python -m venv /opt/venv \
 && awk '/^[a-z]/ {p = /^(setuptools|wheel)==/} p' /build/requirements.lock > /build/build.lock \
 && /opt/venv/bin/python -m pip install --no-cache-dir --no-deps --require-hashes -r /build/build.lock \
 && /opt/venv/bin/python -m pip install --no-cache-dir --no-deps --require-hashes --no-build-isolation \
      -r /build/requirements.lock

COPY components /build/components
RUN cd /build && /opt/venv/bin/python -m components.kernels.build && rm -r /opt/venv/lib/python3.11/site-packages/ziglang

FROM ${BASE}
COPY --from=build /opt/venv /opt/venv
COPY pipeline_runner.py requirements.lock /opt/bert-pipeline/
COPY components /opt/bert-pipeline/components
COPY --from=build /build/components/kernels /opt/bert-pipeline/components/kernels
COPY pipeline /opt/bert-pipeline/pipeline
# KFP's launcher stages artifacts in these three, as the user of the container.
RUN useradd --uid 10001 --create-home bert \
 && install --directory --owner=bert /gcs /s3 /minio \
 && /opt/venv/bin/python -m compileall -q /opt/bert-pipeline
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/opt/bert-pipeline PYTHONUNBUFFERED=1
USER 10001
WORKDIR /home/bert
ENTRYPOINT ["python", "-m", "pipeline_runner"]
