# SPDX-License-Identifier: Apache-2.0
# A thin face over meson. `make demo` and `make test` need nothing but Debian 12, git and make: they install the rest.
.POSIX:
BUILD = build
CHECK = build-check
FUZZ = build-fuzz
PREFIX = /usr/local
DESTDIR =
FUZZ_SECONDS = 60

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

help:
	@echo "make demo     set up, build, and show a conversation"
	@echo "make test     set up, build, and run every test"
	@echo "make          build/ (release): sealpost, sealpostd, libsealpost"
	@echo "make check    build-check/ (ASan, UBSan): unit tests, vectors, static checks, short fuzz runs"
	@echo "make lib      libsealpost alone; needs OpenSSL and nothing else"
	@echo "make fuzz     libFuzzer (clang), FUZZ_SECONDS a target"
	@echo "make bench    speed, memory, syncs"
	@echo "make docs     check the documents and manual pages"
	@echo "make install  to PREFIX under DESTDIR"
	@echo "make deps     install the Debian packages of tools/deps.list"

deps:
	@tools/deps

demo: deps all
	@tools/demo $(BUILD)

test: deps
	@tools/run-tests test

check: deps
	@tools/run-tests check

lib:
	@tools/deps lib
	@test -f build-lib/build.ninja || meson setup build-lib -Dlibrary_only=true --prefix $(PREFIX)
	ninja -C build-lib

bench: deps all
	@tools/run-bench $(BUILD)

fuzz: deps
	@tools/run-fuzz $(FUZZ) $(FUZZ_SECONDS)

docs:
	@tools/check-docs
	@tools/check-man
	@tools/check-mls-rules

install: all
	DESTDIR="$(DESTDIR)" meson install -C $(BUILD) --no-rebuild

$(BUILD)/build.ninja:
	@tools/deps
	meson setup $(BUILD) --prefix $(PREFIX)

clean:
	rm -rf $(BUILD) $(CHECK) $(FUZZ) build-lib

.PHONY: all help deps demo test check lib bench fuzz docs install clean
