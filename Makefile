# Every target sets up what it needs, in .venv inside this folder.
BIN := .venv/bin

.PHONY: help setup demo test lint format bench bench-batch bench-fleet bench-sync lock clean lint-code

help:
	@echo "make demo    process a sample call end to end on an embedded AWS, into demo-output/"
	@echo "make test    run the tests"
	@echo "make lint    ruff, mypy --strict, import-linter (lint-code), and the template's linters (lint-template)"
	@echo "make bench   time, memory, disk and quality, against the predecessor and more (needs ffmpeg; haproxy for s3; ARGS='--rows told s3' for some)"
	@echo "make bench-batch  a batch of calls with one and two workers, its memory and profile, and ten times kill -9 (ARGS='--calls 1000')"
	@echo "make bench-fleet  the fleet report on 100,000 rows: size, and how soon a browser has it open"
	@echo "make bench-sync  how well sync is measured, on hundreds of simulated calls (needs Debian's asterisk voices)"
	@echo "make lab     open the notebooks in JupyterLab, on the sample call"
	@echo "make format  let ruff lay out the code"
	@echo "make lock    remake requirements.lock from pyproject.toml"
	@echo "make lint-template     template.yaml by SAM CLI, cfn-lint, cfripper, checkov and parliament, all offline"
	@echo "make lint-jenkinsfile  the Jenkinsfile by npm-groovy-lint (needs node, npm and Java)"
	@echo "make sam-build, sam-package, sam-deploy  the Lambda, as docs/deploy.md has it (needs Docker)"
	@echo "make e2e     the function on real parts: Lambda's emulator, its image, faults, streaming cut off at 20 points (PARTS='runtime image' for some; needs root)"
	@echo "make image   build the function's image without Docker, look into it and run it (needs root, buildah, debootstrap)"
	@echo "make clean   remove what the other targets made"

setup: .venv/.ready

.venv/.ready: pyproject.toml requirements.lock .ci/setup.sh
	.ci/setup.sh

demo: setup
	$(BIN)/komorebi-qc demo

test: setup
	$(BIN)/pytest --cov --cov-report=term

lint: lint-code lint-template

lint-code: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup
	$(BIN)/python tests/bench/process.py $(ARGS)

bench-batch: setup
	$(BIN)/python tests/bench/batch.py $(ARGS)

bench-fleet: setup
	$(BIN)/python tests/bench/fleet.py --check $(ARGS)

bench-sync: setup
	$(BIN)/python tests/bench/sync/bench.py $(ARGS)

# The notebooks in JupyterLab, as copies: what is run in them stays out of the repository. It takes the first free port.
.PHONY: lab
lab: setup
	mkdir -p lab-output
	cp -u notebooks/*.ipynb lab-output/
	$(BIN)/jupyter lab --ip 127.0.0.1 --port-retries 100 --notebook-dir lab-output \
		--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate --LabApp.extension_manager=readonly \
		$(if $(filter 0,$(shell id -u)),--allow-root) $(ARGS) lab-output/sync_diagnostics.ipynb

lock: setup
	.ci/lock.sh

# The Lambda. docs/deploy.md explains; the Jenkinsfile runs these very targets.
#   STAGE=staging|production (samconfig.toml)   IMAGE_REPOSITORY=address of the ECR repository
#   PROFILE= and REGION= where they aren't those of the environment   PACKAGED= an older build's packaged.yaml
.PHONY: lint-template lint-jenkinsfile sam-build sam-package sam-deploy
PACKAGED ?= packaged.yaml
SAM = SAM_CLI_TELEMETRY=0 .tools/sam/bin/sam
SAM_TO = $(if $(PROFILE),--profile '$(PROFILE)') $(if $(REGION),--region '$(REGION)') --image-repository '$(IMAGE_REPOSITORY)'

lint-template:
	.ci/lint-template.sh

lint-jenkinsfile:
	.ci/tools.sh groovy
	.tools/groovy/node_modules/.bin/npm-groovy-lint --no-insight --noserver --failon info Jenkinsfile

sam-build:
	.ci/tools.sh sam
	$(SAM) build

sam-package:
	$(if $(IMAGE_REPOSITORY),,$(error sam-package needs IMAGE_REPOSITORY, the address of an ECR repository))
	.ci/tools.sh sam
	$(SAM) package --template-file .aws-sam/build/template.yaml --output-template-file packaged.yaml $(SAM_TO)

sam-deploy:
	$(if $(STAGE),,$(error sam-deploy needs STAGE=staging or STAGE=production))
	$(if $(IMAGE_REPOSITORY),,$(error sam-deploy needs IMAGE_REPOSITORY, the one that the image was pushed to))
	$(if $(wildcard $(PACKAGED)),,$(error there is no $(PACKAGED): run `make sam-package` first, or name another by PACKAGED=))
	.ci/tools.sh sam
	$(SAM) deploy --config-env '$(STAGE)' --template-file '$(PACKAGED)' $(SAM_TO)

.PHONY: e2e image
e2e: setup
	$(BIN)/python tests/e2e $(PARTS)

image: setup
	$(BIN)/python tests/e2e image

clean:
	rm -rf .venv .tools .aws-sam packaged.yaml demo-output bench-output lab-output .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
