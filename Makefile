# Every target sets up what it needs, in .venv inside this folder.
BIN := .venv/bin
# Without compiled modules, each of the tests' processes would compile the package again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test test-system lint format bench bench-batch bench-cluster bench-dataset bench-fleet bench-native bench-sync bench-suspensions bench-triage bench-chains lock clean lint-code

help:
	@echo "First steps"
	@echo "  make demo     process a sample call from end to end, with no AWS account; results in demo-output/"
	@echo "  make lab      open the notebooks in JupyterLab, on the sample call"
	@echo "Development"
	@echo "  make setup    install all that a developer needs into .venv; the other targets install their own part"
	@echo "  make test     run the tests of the product (5 minutes on two processors)"
	@echo "  make test-system  run whole commands, audits, notebooks and clusters (5 minutes more)"
	@echo "  make coverage report the lines and branches that these tests leave out"
	@echo "  make test-tooling  run the tests of the benchmarks, the template, the docs and the layout"
	@echo "  make fuzz     feed hostile files, messages and rows to everything that reads them, for MINUTES=10"
	@echo "  make lint     check the code (lint-code), the prose (lint-prose) and the SAM template (lint-template)"
	@echo "  make format   format the code with ruff"
	@echo "  make lock     update the lock files from pyproject.toml (LOCK='--upgrade' takes newer releases)"
	@echo "  make docs     build the documentation's site into site/ and check its links, offline"
	@echo "  make e2e      test the function with Lambda's emulator and the built image (PARTS='runtime image' runs some; needs root)"
	@echo "  make dist     build the last commit's source distribution and wheel into dist/, see docs/release.md"
	@echo "  make wheel    install the wheel into empty environments, one for each extra, and try it (ARGS=--all: every Python found)"
	@echo "  make sbom     write bills of materials (CycloneDX) of all locked packages into sbom/"
	@echo "  make audit    look up known faults of all locked packages (needs a network)"
	@echo "  make clean    delete everything that these targets made"
	@echo "Measurements"
	@echo "  make bench        time, memory, disk and quality compared with the predecessor (needs ffmpeg; ARGS='--rows ...' runs some)"
	@echo "  make bench-batch  a batch with one and two workers, and ten runs ended by kill -9 (ARGS='--calls 1000')"
	@echo "  make bench-cluster  a Dask cluster of eight machines with 100 Mbit/s each, a lost machine, a lost scheduler (needs root)"
	@echo "  make bench-fleet  the fleet report on 100,000 rows: its size and its loading time in a browser"
	@echo "  make bench-dataset  a batch's dataset: the cost of adding rows to many, of erasing one, and kill -9"
	@echo "  make mutation     the share of 400 small changes to the code that the tests detect (ARGS='--size 50 --only sync')"
	@echo "  make bench-sync   accuracy of sync on hundreds of simulated calls (needs Debian's asterisk voices)"
	@echo "  make bench-triage  quick looks against whole diagnoses: agreement, time and bytes (the same voices)"
	@echo "  make bench-chains  30 simulated chains of transfers: every second of every video against its contact's files (the same voices)"
	@echo "  make bench-suspensions  how suspensions are found, on 1,400 simulated calls with look-alikes (the same voices)"
	@echo "  make bench-native       how Amazon Connect's own screen recordings are placed, on 20 made ones"
	@echo "Deployment"
	@echo "  make sam-build, sam-package, sam-deploy   build and deploy the function, see docs/operator/deploy.md (needs Docker)"
	@echo "  make pin-base          look up the digest of the base image, and write it into lambda/Dockerfile and template.yaml"
	@echo "  make image             build and check the function's image without Docker (needs root, buildah, debootstrap)"
	@echo "  make lint-template     check template.yaml with SAM CLI, cfn-lint, cfripper, checkov and parliament, offline"
	@echo "  make lint-jenkinsfile  check the Jenkinsfile with npm-groovy-lint (needs node, npm and Java)"

# Each group of packages leaves a file, .ready-GROUP. A target requires its own group, so it installs no more than it needs.
setup: .venv/.ready-lint

.venv/.ready-%: pyproject.toml .ci/setup.sh $(wildcard requirements/*.lock)
	@.ci/setup.sh $*

demo: .venv/.ready-demo
	$(BIN)/komorebi-qc demo

# The tests of the product, on all processors. Those that take longest, whole commands and clusters, are in test-system; the
# tests of the benchmarks, the template and the docs are in test-tooling.
.PHONY: test-tooling coverage
test: .venv/.ready-test
	$(BIN)/pytest --numprocesses auto --dist worksteal

test-system: .venv/.ready-test
	$(BIN)/pytest --numprocesses auto --dist worksteal tests/system

coverage: .venv/.ready-test
	$(BIN)/pytest --numprocesses auto --dist worksteal tests/unit tests/integration tests/browser tests/system --cov --cov-report=term

test-tooling: .venv/.ready-lint
	$(BIN)/pytest --numprocesses auto --dist worksteal tests/tooling

# A seeded sample of changes to core, sync, findings and pipeline, and the share of them that the tests detect.
.PHONY: mutation
mutation: .venv/.ready-test
	.ci/tools.sh mutation
	$(BIN)/python tests/tooling/mutation.py --show $(ARGS)

# Hostile files, messages, items, lists, rows and parameters, for MINUTES. Without a wheel of Atheris, Hypothesis chooses.
.PHONY: fuzz
fuzz: .venv/.ready-test
	@.ci/tools.sh fuzz || echo "fuzz: without Atheris" >&2
	$(BIN)/python tests/fuzz/fuzz.py --minutes $(or $(MINUTES),10) $(ARGS)

lint: lint-code lint-prose lint-template

lint-code: .venv/.ready-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The style of all that people read; ARGS='docs komorebi_qc/sync' checks only these.
.PHONY: lint-prose
lint-prose: .venv/.ready-lint
	.ci/prose.sh --level error $(ARGS)

# The site needs no package of .venv: mkdocstrings reads the package's source.
.PHONY: docs docs-tables
docs:
	.ci/tools.sh docs
	NO_MKDOCS_2_WARNING=1 .tools/docs/bin/mkdocs build --strict
	.tools/docs/bin/python .ci/docs/check_links.py site

# The reference tables, from the code.
docs-tables: .venv/.ready-test
	$(BIN)/python .ci/docs/tables.py

format: .venv/.ready-lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.ready-bench
	$(BIN)/python tests/bench/process.py $(ARGS)

bench-batch: .venv/.ready-lab
	$(BIN)/python tests/bench/batch.py $(ARGS)

bench-cluster: .venv/.ready-test
	$(BIN)/python tests/bench/cluster.py $(ARGS)

bench-fleet: .venv/.ready-test
	$(BIN)/python tests/bench/fleet.py --check $(ARGS)

bench-dataset: .venv/.ready-test
	$(BIN)/python tests/bench/dataset.py --check $(ARGS)

bench-sync: .venv/.ready-bench
	$(BIN)/python tests/bench/sync/bench.py $(ARGS)

bench-triage: .venv/.ready-bench
	$(BIN)/python tests/bench/triage.py $(ARGS)

bench-native: .venv/.ready-test
	$(BIN)/python tests/bench/native.py $(ARGS)

bench-chains: .venv/.ready-bench
	$(BIN)/python tests/bench/chains.py $(ARGS)

bench-suspensions: .venv/.ready-bench
	$(BIN)/python tests/bench/suspensions.py $(ARGS)

# The notebooks in JupyterLab, as copies: a run changes no file of the repository. The server takes the first free port.
.PHONY: lab
lab: .venv/.ready-lab $(patsubst notebooks/%,lab-output/%,$(wildcard notebooks/*.ipynb))
	@echo "JupyterLab opens in your browser. Press Ctrl-C twice to stop it."
	@JUPYTER_CONFIG_PATH='$(CURDIR)/.ci/jupyter' JUPYTER_PATH='$(CURDIR)/.ci/jupyter/data' $(BIN)/jupyter lab --log-level ERROR --notebook-dir lab-output \
		$(if $(filter 0,$(shell id -u)),--allow-root) $(ARGS) lab-output/sync_diagnostics.ipynb

lab-output/%.ipynb: notebooks/%.ipynb
	@mkdir -p lab-output
	@cp $< $@

lock:
	.ci/lock.sh $(LOCK)

# The Lambda. docs/operator/deploy.md explains; the Jenkinsfile runs these very targets.
#   STAGE=staging|production (samconfig.toml)   IMAGE_REPOSITORY=address of the ECR repository
#   PROFILE= and REGION= if they differ from the environment's   PACKAGED= an older build's packaged.yaml
.PHONY: lint-template lint-jenkinsfile sam-build sam-package sam-deploy
PACKAGED ?= packaged.yaml
SAM = SAM_CLI_TELEMETRY=0 .tools/sam/bin/sam
SAM_TO = $(if $(PROFILE),--profile '$(PROFILE)') $(if $(REGION),--region '$(REGION)') --image-repository '$(IMAGE_REPOSITORY)'

lint-template:
	.ci/lint-template.sh

.PHONY: sbom audit pin-base
sbom:
	.ci/sbom.sh

audit:
	.ci/audit.sh $(ARGS)

pin-base:
	python3 .ci/base_image.py pin

lint-jenkinsfile:
	.ci/tools.sh groovy
	.tools/groovy/node_modules/.bin/npm-groovy-lint --no-insight --noserver --failon info Jenkinsfile

sam-build:
	.ci/tools.sh sam
	$(SAM) build

sam-package:
	$(if $(IMAGE_REPOSITORY),,$(error sam-package needs IMAGE_REPOSITORY, the address of an ECR repository))
	.ci/tools.sh sam
	python3 .ci/base_image.py check
	$(if $(PROFILE),AWS_PROFILE='$(PROFILE)') .tools/sam/bin/python .ci/check_repository.py '$(IMAGE_REPOSITORY)'
	$(SAM) package --template-file .aws-sam/build/template.yaml --output-template-file packaged.yaml $(SAM_TO)

sam-deploy:
	$(if $(STAGE),,$(error sam-deploy needs STAGE=staging or STAGE=production))
	$(if $(IMAGE_REPOSITORY),,$(error sam-deploy needs IMAGE_REPOSITORY, the one that the image was pushed to))
	$(if $(wildcard $(PACKAGED)),,$(error there is no $(PACKAGED): run `make sam-package` first, or name another by PACKAGED=))
	.ci/tools.sh sam
	$(SAM) deploy --config-env '$(STAGE)' --template-file '$(PACKAGED)' $(SAM_TO)

.PHONY: e2e image
e2e: .venv/.ready-test
	$(BIN)/python tests/e2e $(PARTS)

image: .venv/.ready-test
	$(BIN)/python tests/e2e image

# REPOSITORY= is the address of the repository's page; it makes files for a package index.
.PHONY: dist wheel
dist: .venv/.ready-demo
	$(BIN)/python .ci/dist.py $(if $(REPOSITORY),--repository '$(REPOSITORY)')

wheel: .venv/.ready-demo
	.ci/tools.sh uv
	$(BIN)/python tests/tooling/wheel.py $(ARGS)

clean:
	rm -rf .venv .tools .mutation dist .aws-sam packaged.yaml site sbom demo-output bench-output lab-output fuzz-output .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
