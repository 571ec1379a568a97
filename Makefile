# make run    the sample run: real movie reviews to a pushed model; for another one say
#             make run SAMPLES='minilm reuters-r8' CONFIG=pipeline/configs/reuters_r8.toml
# make test   lint, types, tests
# Both set up .venv from requirements.lock first, with uv if it is on the path, else with Python 3.11's venv and pip.

PYTHON ?= python3.11
PY := .venv/bin/python
CONFIG ?= pipeline/configs/movie_reviews.toml
SAMPLES ?= minilm movie-reviews
KERNELS := components/kernels/x86-64-v3.so

.NOTPARALLEL:
.PHONY: run test lint types pytest rooms docs samples setup lock airflow kubeflow oldest signing mlflow browser clean bench bench-train bench-tokenize \
  bench-predict bench-pipeline bench-tasks bench-airflow bench-accuracy bench-scale bench-workers fuzz chaos \
  mutate beam-service bench-tagging-raw bench-small-data bench-precision bench-drift bench-classes bench-fill \
  bench-small-run bench-first-model bench-vocabulary bench-report bench-verdict bench-calibration bench-export \
  bench-label-errors bench-suggest bench-shipped bench-mlm bench-adaptation bench-pretraining \
  bench-answering bench-generation

run: setup samples
	$(PY) pipeline_runner.py run --config $(CONFIG)

test: setup lint types pytest

lint: setup
	.venv/bin/ruff check
	.venv/bin/ruff format --check

types: setup
	.venv/bin/mypy

# Some tests compare with a real vocabulary and real weights; where these cannot be fetched, they skip and say so.
pytest: setup
	@$(PY) pipeline_runner.py data minilm || echo "tests that need the sample weights will be skipped"
	$(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder

samples: setup
	@for name in $(SAMPLES); do $(PY) pipeline_runner.py data $$name || exit; done

setup: .venv/installed $(KERNELS)

# The three packages without a wheel are built with the locked setuptools, not with whatever is newest that day.
.venv/installed: requirements.lock
	rm -rf .venv
	@if command -v uv >/dev/null; then \
	  set -ex; uv venv --quiet --python 3.11 .venv; \
	  awk '/^[a-z]/ {p = /^(setuptools|wheel)==/} p' requirements.lock > .venv/build.lock; \
	  uv pip install --quiet --python $(PY) --no-deps --require-hashes -r .venv/build.lock; \
	  uv pip install --python $(PY) --no-deps --require-hashes --no-build-isolation --compile-bytecode -r requirements.lock; \
	else \
	  set -ex; $(PYTHON) -m venv .venv; \
	  awk '/^[a-z]/ {p = /^(setuptools|wheel)==/} p' requirements.lock > .venv/build.lock; \
	  $(PY) -m pip install --quiet --no-deps --require-hashes -r .venv/build.lock; \
	  $(PY) -m pip install --quiet --progress-bar on --no-deps --require-hashes --no-build-isolation -r requirements.lock; \
	fi
	$(PY) -m compileall -q components pipeline data pipeline_runner.py
	@touch $@

# The ops of our own, compiled by a package of the lock.
$(KERNELS): components/kernels/build.py $(wildcard components/kernels/*.[ch]) .venv/installed
	$(PY) -m components.kernels.build
	@touch $@

# The pages that are made of the code: docs/configuration.md, commands.md, errors.md, metrics.md and signatures.md.
docs: setup
	$(PY) -m docs.generate
	$(PY) -m tests.pipeline.config.test_bad_inputs > .page.new
	mv .page.new docs/errors.md
	$(PY) -m tests.components.tasks.test_metrics > .page.new
	mv .page.new docs/metrics.md
	$(PY) -m tests.components.export.test_signature_page > .page.new
	mv .page.new docs/signatures.md

# The rooms from the top down with what each imports, and whether they keep their order.
rooms: setup
	$(PY) -m tests.rooms
	.venv/bin/lint-imports --no-cache

# 20,000 cases of each property test of the TSV reader, the config loader, base models' addresses and directories and, by
# kind of tokenizer, of WordPiece, 2,000 of the files that runs leave, each through several commands, and 200 odd
# texts as names, 20 in a whole run; kills at random moments and changes of what a run reads at every node, hours.
fuzz: setup
	FUZZ_CASES=20000 $(PY) -m pytest tests/components/rows tests/pipeline/config/test_config_fuzz.py \
	  tests/components/pretrained/test_hub.py tests/components/pretrained/test_model_directory_fuzz.py \
	  tests/components/tokenization/test_wordpiece_fuzz.py
	FUZZ_CASES=200 $(PY) -m pytest tests/pipeline/test_odd_names.py
	FUZZ_CASES=2000 $(PY) -m pytest tests/pipeline/runs/test_stored_state_fuzz.py

chaos: setup
	$(PY) -m tests.chaos
	$(PY) -m tests.mid_run

# Changes the code of a room, a place at a time, and lists what the room's tests do not notice; minutes for most rooms.
#   make mutate ROOM=components/rows [TESTS="tests/components/rows ..."] [MUTANTS=60] [SEED=0]
ROOM ?= components/rows
MUTANTS ?= 60
SEED ?= 0
mutate: setup .venv-mutate/installed
	.venv-mutate/bin/python -m tests.mutate $(ROOM) $(if $(TESTS),--tests $(TESTS)) --mutants $(MUTANTS) --seed $(SEED)

.venv-mutate/installed: tests/mutate-requirements.txt
	rm -rf .venv-mutate
	@if command -v uv >/dev/null; then \
	  set -ex; uv venv --quiet --python 3.11 .venv-mutate; uv pip install --python .venv-mutate/bin/python -r $<; \
	else \
	  set -ex; $(PYTHON) -m venv .venv-mutate; .venv-mutate/bin/python -m pip install --quiet -r $<; \
	fi
	@touch $@

# A job service and a worker pool on the loopback, to try `[beam] preset = "portable"`; until Ctrl-C.
beam-service: setup
	$(PY) -m pipeline.beam.service

# An environment of its own, in the target's folder, of what the lock lists; the argument is an option of uv's.
define locked_environment
rm -rf $(@D)
@if command -v uv >/dev/null; then \
  set -ex; uv venv --quiet --python 3.11 $(@D); \
  uv pip install $(1) --python $(@D)/bin/python --no-deps --require-hashes -r $<; \
else \
  set -ex; $(PYTHON) -m venv $(@D); \
  $(@D)/bin/python -m pip install --quiet --no-deps --require-hashes -r $<; \
fi
@touch $@
endef

# The SDK of Kubeflow Pipelines, in an environment of its own: a test has it load what `export` writes.
kubeflow: .venv-kfp/installed

.venv-kfp/installed: tests/kubeflow.lock
	$(call locked_environment,--quiet)

# The oldest TensorFlow that docs/serving.md promises, alone: a test has pushed models answer there.
oldest: .venv-oldest/installed

.venv-oldest/installed: tests/oldest_tensorflow.lock
	$(call locked_environment,--quiet)

# model-signing, which signs pushed versions (`push.sign_key`) and checks them (`predict --verify-key`): its libraries are
# not those of TensorFlow.
signing: .venv-signing/installed

.venv-signing/installed: requirements-signing.lock
	$(call locked_environment,--compile-bytecode)

# MLflow's client, which logs runs (`[tracking]`): 45 packages that only those need who do so.
mlflow: .venv-mlflow/installed

.venv-mlflow/installed: requirements-mlflow.lock
	$(call locked_environment,--compile-bytecode)

# Playwright and axe, with which tests look at pages; the browser is Debian's `chromium`.
browser: .venv-browser/installed

.venv-browser/installed: tests/browser.lock
	$(call locked_environment,--compile-bytecode)

# Needs uv. The locks hold hashes and no addresses.
lock:
	uv pip compile --quiet --python-version 3.11 --python-platform x86_64-manylinux_2_28 --override overrides.txt \
	  --generate-hashes --no-emit-index-url --custom-compile-command "make lock" requirements-dev.in -o requirements.lock
	for version in 2 3; do \
	  uv pip compile --quiet --python-version 3.11 --python-platform x86_64-manylinux_2_28 --generate-hashes \
	    --no-emit-index-url --custom-compile-command "make lock" requirements-airflow-$$version.in \
	    -o requirements-airflow-$$version.lock || exit; \
	done
	uv pip compile --quiet --python-version 3.11 --python-platform x86_64-manylinux_2_28 --generate-hashes \
	  --no-emit-index-url --custom-compile-command "make lock" requirements-signing.in -o requirements-signing.lock
	uv pip compile --quiet --python-version 3.11 --python-platform x86_64-manylinux_2_28 --generate-hashes \
	  --no-emit-index-url --custom-compile-command "make lock" requirements-mlflow.in -o requirements-mlflow.lock
	echo tensorflow==2.14.1 | uv pip compile --quiet --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
	  --generate-hashes --no-emit-index-url --custom-compile-command "make lock" - -o tests/oldest_tensorflow.lock
	printf 'playwright==1.65.2\naxe-playwright-python==0.1.8\n' | uv pip compile --quiet --python-version 3.11 \
	  --python-platform x86_64-manylinux_2_28 --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" - -o tests/browser.lock

# Airflow 2.11 and 3, each in an environment of its own: the tests of exported DAGs start their schedulers.
airflow: .venv-airflow-2/installed .venv-airflow-3/installed

.venv-airflow-%/installed: requirements-airflow-%.lock
	$(call locked_environment,--compile-bytecode)

# Side by side with what a user would run instead, in an environment of its own; PEER names another one's python.
# Nothing else should run meanwhile: four hours in all, a part at a time by its name. bench-tasks, bench-accuracy,
# bench-airflow, bench-tagging-raw, bench-small-data, bench-precision, bench-drift, bench-classes, bench-fill,
# bench-small-run, bench-first-model, bench-vocabulary, bench-pretraining, bench-verdict, bench-calibration,
# bench-label-errors, bench-suggest, bench-shipped, bench-mlm, bench-adaptation, bench-answering and
# bench-generation are apart.
bench: bench-train bench-tokenize bench-predict bench-pipeline bench-scale bench-workers
	$(PY) -m bench.table

PEER_INSTALLED := $(if $(PEER),,.venv-peer/installed)
bench-train: SAMPLES = minilm movie-reviews reuters-r8
bench-train: setup samples $(PEER_INSTALLED)
	$(PY) -m bench.train

bench-tokenize: setup samples $(PEER_INSTALLED)
	$(PY) -m bench.tokenizer

bench-predict: setup samples $(PEER_INSTALLED)
	$(PY) -m bench.predict

bench-fill: setup samples
	$(PY) -m bench.fill

# Exports beside the model: equal answers in PyTorch and ONNX Runtime, what 8 bits cost, and speed; half an hour and more.
bench-export: SAMPLES = minilm movie-reviews reuters-r8 conll2003
bench-export: setup samples $(PEER_INSTALLED)
	$(PY) -m bench.export $(if $(PARTS),--only $(PARTS)) $(if $(MINUTES),--minutes $(MINUTES))

# Pre-training beside Hugging Face's Trainer with its collator for masked tokens: half an hour.
bench-mlm: SAMPLES = minilm movie-reviews
bench-mlm: setup samples $(PEER_INSTALLED)
	$(PY) -m bench.mlm

# What going on with a domain's texts gives a fine-tuning: half an hour; what is there already is left out.
bench-adaptation: SAMPLES = minilm movie-reviews reuters-r8
bench-adaptation: setup samples
	$(PY) -m bench.adaptation

bench-vocabulary: SAMPLES = newsgroups
bench-vocabulary: setup samples
	$(PY) -m bench.vocabulary

# A small BERT from scratch, and what a fine-tuning gains by it: an hour. Goes on where it was killed.
bench-pretraining: SAMPLES = documents movie-reviews
bench-pretraining: setup samples
	$(PY) -m bench.pretraining

bench-pipeline: SAMPLES = minilm movie-reviews reuters-r8
bench-pipeline: setup samples $(PEER_INSTALLED)
	$(PY) -m bench.pipeline
	$(PY) -m bench.pipeline --config pipeline/configs/reuters_r8.toml --seeds 1 2 3

# Every task. MRPC is read from ../shared/data/mrpc; without it, `--tasks tagging regression multilabel`.
bench-tasks: SAMPLES = minilm movie-reviews reuters-topics conll2003
bench-tasks: setup samples $(PEER_INSTALLED)
	$(PY) -m bench.tasks

# A tagger on words beside the same rows as running text.
bench-tagging-raw: SAMPLES = minilm conll2003
bench-tagging-raw: setup samples
	$(PY) -m bench.tagging_raw

# A node's time under Airflow's schedulers beside `run`'s.
bench-airflow: SAMPLES = minilm
bench-airflow: setup samples airflow
	$(PY) -m bench.airflow

# Accuracy of the three strategies, without the peer.
bench-accuracy: setup samples
	$(PY) -m bench.pipeline --without-peer --strategies full freeze_layers head --seeds 1 2 3

# The defaults on a few hundred rows, without the pipeline: an hour of a core; what is there already is left out.
bench-small-data: setup samples
	$(PY) -m bench.small_data

bench-precision: setup samples
	$(PY) -m bench.precision

# Where the seconds of a run on few rows go: three runs, three minutes.
bench-small-run: SAMPLES = minilm
bench-small-run: setup samples
	$(PY) -m bench.small_run

# From 400 rows in five classes to a model that answers, by `init`, `run` and `predict`; five minutes.
bench-first-model: SAMPLES = minilm newsgroups reuters-r8
bench-first-model: setup samples
	$(PY) -m bench.first_model

# The limits of drift on real rows, and on German ones that are generated: three minutes.
bench-drift: SAMPLES = minilm movie-reviews reuters-r8
bench-drift: setup samples
	$(PY) -m bench.drift

# The gate's intervals and paired tests on simulated rows: ten minutes of a core, nothing is timed.
bench-verdict: SAMPLES = minilm movie-reviews
bench-verdict: setup samples
	$(PY) -m bench.verdict
	$(PY) -m bench.seeds

# Evaluator as the classes grow, with a toy model: half an hour.
bench-classes: setup
	$(PY) -m bench.classes

# The page about a run of 10,000 rows: its size, what it takes, and how soon a browser has it.
bench-report: setup browser
	$(PY) -m bench.report

# How sure models are before and after calibration; trains five models, a quarter of an hour. MRPC as for bench-tasks.
bench-calibration: SAMPLES = minilm movie-reviews reuters-r8 reuters-topics conll2003
bench-calibration: setup samples
	$(PY) -m bench.calibration

# Each config that ships, run once: what it warns of. Half an hour; nothing is timed.
bench-shipped: SAMPLES = minilm movie-reviews reuters-r8 reuters-topics conll2003 newsgroups
bench-shipped: setup samples
	$(PY) -m bench.shipped

# Planted label errors: how many of them are suspected, and how many suspects are right. Half an hour of both cores, of
# which the 18 trainings that the heads are compared with take the most; nothing is timed.
bench-label-errors: SAMPLES = minilm movie-reviews reuters-r8
bench-label-errors: setup samples
	$(PY) -m bench.label_errors

# What suggested rows are worth beside random ones: heads alone, minutes.
bench-suggest: SAMPLES = minilm reuters-r8
bench-suggest: setup samples
	$(PY) -m bench.suggest

# Answers in texts beside Hugging Face's run_qa, 3 seeds.
bench-answering: SAMPLES = minilm news-answers
bench-answering: setup samples $(PEER_INSTALLED)
	$(PY) -m bench.answering

# A BERT that writes: rules, speed, paraphrases beside BERT2BERT, topics; two hours and more. MRPC as for bench-tasks.
bench-generation: SAMPLES = minilm reuters-r8 spelled-out
bench-generation: setup samples $(PEER_INSTALLED)
	$(PY) -m bench.generation $(if $(PARTS),--parts $(PARTS))

bench-scale: setup samples
	$(PY) -m bench.scale

# One and two workers; needs the right to make a network namespace.
bench-workers: setup samples
	$(PY) -m bench.workers

.venv-peer/installed: bench/peer-requirements.txt
	rm -rf .venv-peer
	@if command -v uv >/dev/null; then \
	  set -ex; uv venv --quiet --python 3.11 .venv-peer; uv pip install --python .venv-peer/bin/python -r $<; \
	else \
	  set -ex; $(PYTHON) -m venv .venv-peer; .venv-peer/bin/python -m pip install --quiet -r $<; \
	fi
	@touch $@

clean:
	rm -f components/kernels/*.so
	rm -rf .venv .venv-* build dist .mypy_cache .ruff_cache .pytest_cache
