# Secateur. `make` alone lists the targets.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  = -s -w -buildid= -X main.version=$(VERSION)
GO       = CGO_ENABLED=0 go
# HTTP/2 is half a megabyte that cameras, metrics and the page of label do not speak.
GOBUILD  = $(GO) build -trimpath -tags nethttpomithttp2 -ldflags="$(LDFLAGS)"
PYTHON  ?= python3,/usr/bin/python3
QEMU_CPU ?= cortex-a53
FUZZTIME ?= 30s
GOLDEN   ?= -c
VM_ARCH  ?= amd64 arm64
# What the unit tests under emulation leave out: campaigns on real data.
ARM_PKGS = ./kernels ./core/tensor ./core/graph ./core/op ./core/grad ./core/optim ./core/plan ./core/checkpoint/... ./core/random ./pruning/...
# The best set of this machine by its own account, and runs as binary:emulator:CPU:set to be chosen.
NATIVE_SET  := $(shell case "$$(uname -m) $$(grep -m1 ^flags /proc/cpuinfo)" in (x86_64*avx512f*avx512dq*avx512bw*avx512vl*) echo avx512;; (x86_64*avx2*) echo avx2;; (x86_64*) echo generic;; esac)
KERNEL_RUNS  = $(addprefix arm64:qemu-aarch64-static:,cortex-a53:neon-inorder cortex-a57:neon cortex-a72:neon cortex-a76:neon max:neon) \
  $(addprefix amd64:qemu-x86_64-static:,Haswell:avx2 Nehalem:generic) noasm:::generic $(if $(NATIVE_SET),amd64:::$(NATIVE_SET))

.DEFAULT_GOAL := help
.PHONY: mca help build build-arm64 deb test-deb demo test test-arm64 test-vm test-ansible test-avx512 test-kernels count-arm64 race fuzz bench bench-peers lint golden tidy cover clean zoo campaign campaign-detect campaign-half study study-data ssh-campaign bad-retrains kill plan

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## bin/secateur for this machine
	$(GOBUILD) -o bin/secateur ./tools/secateur

build-arm64: ## bin/secateur-linux-arm64, one static binary
	GOOS=linux GOARCH=arm64 $(GOBUILD) -o bin/secateur-linux-arm64 ./tools/secateur

deb: build build-arm64 ## bin/secateur_VERSION_ARCH.deb for amd64 and arm64 (needs dpkg-deb, not root)
	rm -rf bin/man && $(GO) run -tags man -ldflags="$(LDFLAGS)" ./tools/secateur man bin/man
	$(GO) build -o bin/deb ./tools/deb
	export SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)}; \
	for arch in amd64:bin/secateur arm64:bin/secateur-linux-arm64; do \
	  bin/deb -arch $${arch%%:*} -binary $${arch#*:} -tool bin/secateur -man bin/man -version "$(VERSION)" || exit 1; done

test-deb: deb ## install the package into a clean Debian, configure, purge: nothing is left (needs root and debootstrap)
	tools/deb/test.sh $$(ls -t bin/secateur_*_amd64.deb | head -1)

demo: build ## the main job on the embedded model and line, about a minute
	bin/secateur demo --out out/demo

test: ## every test
	$(GO) vet ./...
	$(GO) test -timeout 20m ./...

test-arm64: ## the unit tests as arm64 under qemu-user
	@command -v qemu-aarch64-static >/dev/null || { echo "make test-arm64: qemu-aarch64-static is missing: apt-get install qemu-user-static"; exit 2; }
	GOARCH=arm64 $(GO) vet $(ARM_PKGS)
	GOARCH=arm64 $(GO) test -short -timeout 30m -exec "qemu-aarch64-static -cpu $(QEMU_CPU)" $(ARM_PKGS)

test-vm: ## cameras and GPIO against the kernel's vivid and gpio-sim in emulated machines (needs qemu-system; VM_ARCH=arm64)
	for arch in $(VM_ARCH); do $(GO) run ./tools/vm -arch $$arch || exit 1; done

test-avx512: ## the kernels on an emulated CPU with AVX-512: make test-avx512 KERNEL=vmlinuz; says what it needs
	SECATEUR_EXPECT_KERNELS=avx512 $(GO) run ./tools/bochs -kernel "$(KERNEL)" ./kernels -test.short -test.v

test-kernels: ## the kernels' tests on this CPU and those that qemu knows, each with the set that it must choose
	@command -v qemu-aarch64-static >/dev/null || { echo "make test-kernels: qemu-aarch64-static is missing: apt-get install qemu-user-static"; exit 2; }
	for arch in arm64 amd64; do GOARCH=$$arch $(GO) test -c -o bin/kernels-$$arch.test ./kernels || exit 1; done
	$(GO) test -c -tags noasm -o bin/kernels-noasm.test ./kernels
	@cd kernels && printf '%s\n' $(KERNEL_RUNS) | xargs -P 2 -I{} sh -c 'run={}; IFS=:; set -- $$run; unset IFS; echo "== kernels on $${3:-this CPU}, $$1: want $$4"; \
	  SECATEUR_EXPECT_KERNELS=$$4 $${2:+$$2 -cpu $$3} ../bin/kernels-$$1.test -test.short || { echo "make test-kernels: $$1 on $${3:-this CPU} fails"; exit 1; }'

count-arm64: ## instructions of a training step on arm64 against the golden ones (GOLDEN=-w rewrites; needs qemu-user, gcc)
	$(GO) run ./tools/count $(GOLDEN) kernels/testdata/count_arm64.txt

race: ## the tests under the race detector (needs gcc)
	CGO_ENABLED=1 go test -race -short -timeout 40m ./...

fuzz: ## every fuzz target for FUZZTIME
	@for p in $$(grep -rl --include=*_test.go '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' $$p/*_test.go | cut -c6-); do \
	    echo "== $$p $$f"; GOMEMLIMIT=2GiB $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p || exit 1; done; done

bench: build ## the machine, its kernels, a training step and an inference: medians
	bin/secateur bench board
	bin/secateur bench kernels
	bin/secateur bench step --model resnet18 --verbose
	bin/secateur bench step --model mobilenetv2 --verbose
	bin/secateur bench infer --model mobilenetv2

bench-peers: ## ours beside PyTorch, onnxruntime and OpenBLAS, in turns: writes kernels/BENCH.md (PYTHON=p1,p2: where they are)
	$(GO) run ./tools/peers --python "$(PYTHON)"

lint: ## vet for both architectures, gofmt, staticcheck
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "make lint: run gofmt -w on these"; exit 1; }
	$(GO) vet ./...
	GOARCH=arm64 $(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

golden: ## rewrite the golden files (needs python3-torch, python3-onnx, python3-pil; onnxruntime, pycocotools by pip)
	$(GO) run ./tools/golden

mca: ## rewrite the golden tables of predicted cycles (needs llvm-19)
	$(GO) run ./tools/mca -w kernels/testdata

tidy: ## go.mod, and the list of who may import whom
	go mod tidy
	$(GO) test ./tools/tidy

cover: ## coverage by package
	$(GO) test -short -coverprofile cover.out ./... && go tool cover -func cover.out | tail -1

zoo: build ## pretrain the embedded model again from its seed
	$(GO) run ./tools/zoo -o core/zoo/model.secateur

campaign-detect: ## detectors on the real data sets against their goals, an hour or two
	SECATEUR_DETECT_CAMPAIGN=1 $(GO) test -v -timeout 6h -run TestDetectorGoals ./core/train

campaign: build ## accuracies beside the baselines on the real data sets, hours
	$(GO) run ./tools/campaign

campaign-half: ## half of MobileNet v2 against the dense network, ten draws of NEU-DET, one thread a run; goes on where it was stopped
	$(GO) run ./tools/campaign -models mobilenet-v2-10 -data neu-det -prune obs -allocator uniform -live-teacher -distill-mixup 1 -square -first 26 -seeds 10 -workers 2 -networks out/half -o out/half.jsonl

ssh-campaign: build ## hostile commands, misused keys and bursts of retrains through a real sshd, minutes (needs root, openssh-server)
	SECATEUR_SSH_CAMPAIGN=1 SECATEUR_SSHTEST_PROGRAM=$(CURDIR)/bin/secateur $(GO) test -run TestOverSSH -v -timeout 40m ./tools/secateur

bad-retrains: ## a hundred bad retrainings of a classifier and of a detector, none of which may go live, minutes
	SECATEUR_BAD_RETRAINS=100 $(GO) test -count=1 -run 'TestBadRetrainsStayOut|TestDetectorRetrains' -v -timeout 60m ./tools/secateur

test-ansible: deb ## a box set up, by our package a clean Debian too, and a fleet retrained by firmware-config/ansible over a real sshd (needs root, openssh-server, ansible-core, debootstrap)
	tools/deb/debian.sh out/debian-box
	SECATEUR_ANSIBLE=1 SECATEUR_ANSIBLE_DEBIAN=$(CURDIR)/out/debian-box SECATEUR_ANSIBLE_DEB=$$(ls -t $(CURDIR)/bin/secateur_*_amd64.deb | head -1) \
	  $(GO) test -count=1 -run TestAnsible -v -timeout 20m ./tools/secateur

study-data: ## crops of screws for the studies, out/screws-crops
	$(GO) run ./tools/crops -data $${SECATEUR_TESTDATA:-../shared/data}/screws -o out/screws-crops

study: build study-data ## the study of small data, hours; it goes on where it stood
	bin/secateur study --config tools/study/small-data.toml -o out/small-data

kill: ## kill -9 at random moments of a run on real data, ten times
	SECATEUR_KILL_CAMPAIGN=10 $(GO) test -run TestKillCampaign -v -timeout 40m ./tools/secateur

plan: build ## the memory plan of a training step: make plan M=model.onnx
	bin/secateur inspect --plan $(M)

clean: ## remove what was built
	rm -rf bin out cover.out
