# tacho: `make help` says what there is.
#
#   make SAN=address,undefined …   the same with sanitizers, under build/san-address,undefined/
#   make V=1 …                     shows the commands

CC     ?= cc
CLANG  ?= clang
PREFIX ?= /usr/local
SAN    ?=
ROOT   ?= build
BUILD  := $(if $(SAN),$(ROOT)/san-$(SAN),$(ROOT))
GEN    := $(ROOT)/gen
VERSION := $(shell cat VERSION)
Q := $(if $(V),,@)

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wno-missing-field-initializers -Werror
CPPFLAGS := -D_GNU_SOURCE -DTACHO_VERSION='"$(VERSION)"' -I. -isystem $(GEN)
CFLAGS   := -std=gnu11 -g -O2 -fno-omit-frame-pointer -fstack-protector-strong $(WARNINGS) \
	$(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all,-D_FORTIFY_SOURCE=2)
LDFLAGS  := -Wl,--as-needed -Wl,-z,relro,-z,now $(if $(SAN),-fsanitize=$(SAN))

AGENT_LIBS      := -lbpf -lelf -lz -lnng -lprotobuf-c -lssl -lcrypto -levent_openssl -levent_core -ljansson -lisal -lpthread
# First, so that its malloc() is the program's; static, for the shared one needs all of C++. Sanitizers have their own.
ALLOCATOR       := $(if $(SAN),,-l:libjemalloc_pic.a -lm)
AGGREGATOR_LIBS := $(ALLOCATOR) -lcurl -lyaml -levent_openssl -levent_extra -levent_core -lnng -lprotobuf-c -lssl \
	-lcrypto -ljansson -lisal -lpthread
TOP_LIBS        := -lncursesw -ltinfo -lcurl -lyaml -levent_core -lnng -lprotobuf-c -lssl -lcrypto -ljansson -lpthread
TEST_LIBS := -lncursesw -ltinfo -lisal -lcmocka -lcurl -lyaml -lnng -levent_openssl -levent_extra -levent_core -lbpf -lelf -lz -lprotobuf-c \
	-lssl -lcrypto -ljansson -lpthread

# --- what is built ------------------------------------------------------------------------------

PROTOS     := $(wildcard proto/*.proto)
PROTO_GEN  := $(PROTOS:%.proto=$(GEN)/%.pb-c.c)
BPF_SKELS  := # filled by bpf/rules.mk
-include bpf/rules.mk

BASE_SRC       := $(wildcard base/*.c)
PROTO_SRC      := $(wildcard proto/*.c)
AGENT_SRC      := $(filter-out agent/main.c,$(wildcard agent/*.c))
AGGREGATOR_SRC := $(filter-out aggregator/main.c aggregator/allocator.c,$(wildcard aggregator/*.c aggregator/*/*.c))
TOP_SRC        := $(filter-out top/main.c,$(wildcard top/*.c))
HARNESS_SRC    := $(wildcard tests/harness/*.c)

objects = $(patsubst %.c,$(BUILD)/%.o,$(1))
LIB_BASE       := $(BUILD)/libbase.a
LIB_AGENT      := $(BUILD)/libagent.a
LIB_AGGREGATOR := $(BUILD)/libaggregator.a
LIB_TOP        := $(BUILD)/libtop.a
LIB_HARNESS    := $(BUILD)/libharness.a
PROGRAMS       := $(BUILD)/tacho-agent $(BUILD)/tacho-aggregator $(BUILD)/tacho-top

UNIT_TESTS        := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*/test_*.c))
INTEGRATION_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/integration/test_*.c))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: help all demo test unit integration vm chart e2e bench bench-scale bench-soak bench-pictures lint format deps docs install manifests images clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(RULES) | sed -E 's/:[^#]*## /\t/' | expand -t 16

all: $(PROGRAMS) ## build/tacho-agent, build/tacho-aggregator and build/tacho-top

deps: ## install what is missing, by apt after listing it (SET=build, demo, images or test; all by default)
	@scripts/deps $(SET)

demo: ## agent and aggregator on this machine, seen through kubectl (ONCE=1: print once)
	@scripts/deps demo
	@$(MAKE) --no-print-directory -s all $(BUILD)/demo/load
	@BUILD=$(BUILD) ONCE=$(ONCE) exec scripts/demo

test: ## every test, with sanitizers: unit, threads, integration, fuzz, guard, scale, chart and images, VM, Prometheus, control plane
	@scripts/deps test
	@scripts/test

unit: $(UNIT_TESTS) ## the unit tests alone
	@BUILD=$(BUILD) JOBS=$(JOBS) tests/run $^

integration: $(INTEGRATION_TESTS) $(PROGRAMS) $(BUILD)/demo/load ## the integration tests alone
	@BUILD=$(BUILD) tests/run $(INTEGRATION_TESTS)

-include tests/vm/rules.mk tests/chart/rules.mk tests/bench/rules.mk tests/guard/rules.mk tests/fuzz/rules.mk tests/e2e/rules.mk tests/prometheus/rules.mk
# Not what the compilers write about headers: else a rebuilt test would rebuild everything.
RULES := $(filter Makefile %.mk,$(MAKEFILE_LIST))

lint: ## formatting, static analysis, drift of generated docs
	@scripts/lint

format: ## lay the code out anew by .clang-format
	clang-format -i $$(git ls-files --cached --others --exclude-standard '*.c' '*.h')

docs: $(BUILD)/proto/metrics_doc ## docs/metrics.md from proto/metrics.def
	$(BUILD)/proto/metrics_doc > docs/metrics.md

install: all ## programs to $(DESTDIR)$(PREFIX)/bin, tacho-top also as `kubectl tacho`
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 0755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	ln -sf tacho-top $(DESTDIR)$(PREFIX)/bin/kubectl-tacho

manifests: ## the chart as one file for kubectl apply, build/tacho.yaml (NAMESPACE=, VALUES=FILE, HELM=PATH)
	@BUILD=$(BUILD) scripts/manifests

images: ## tacho-agent:VERSION and tacho-aggregator:VERSION, by buildah (TAR=FOLDER: as archives too)
	@scripts/deps images
	@$(MAKE) --no-print-directory -s all
	@BUILD=$(BUILD) scripts/images

clean: ## remove build/
	rm -rf $(ROOT)

# --- how ----------------------------------------------------------------------------------------

$(GEN)/%.pb-c.c $(GEN)/%.pb-c.h &: %.proto
	@mkdir -p $(@D)
	@echo '  PROTOC   $<'
	$(Q)protoc-c --c_out=$(GEN) $<

$(BUILD)/%.o: %.c $(RULES)
	@mkdir -p $(@D)
	@echo '  CC       $<'
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Generated code is not ours to warn about.
$(BUILD)/gen/%.pb-c.o: $(GEN)/%.pb-c.c
	@mkdir -p $(@D)
	@echo '  CC       $<'
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -w -MMD -MP -c -o $@ $<

PROTO_HEADERS := $(PROTO_GEN:.c=.h)
ALL_OBJECTS := $(call objects,$(BASE_SRC) $(PROTO_SRC) $(AGENT_SRC) $(AGGREGATOR_SRC) $(HARNESS_SRC) $(TOP_SRC) \
	top/main.c agent/main.c aggregator/main.c aggregator/allocator.c) $(addsuffix .o,$(UNIT_TESTS) $(INTEGRATION_TESTS))
# Whatever knows the wire is built anew when it changes: -MMD does not tell of generated headers.
$(ALL_OBJECTS): $(PROTO_HEADERS) | $(BPF_SKELS)

$(LIB_BASE): $(call objects,$(BASE_SRC) $(filter-out proto/metrics_doc.c,$(PROTO_SRC))) \
	$(PROTO_GEN:$(GEN)/%.c=$(BUILD)/gen/%.o)
$(LIB_AGENT): $(call objects,$(AGENT_SRC))
$(LIB_AGGREGATOR): $(call objects,$(AGGREGATOR_SRC))
$(LIB_TOP): $(call objects,$(TOP_SRC))
$(LIB_HARNESS): $(call objects,$(HARNESS_SRC))
%.a:
	@mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/tacho-agent: $(BUILD)/agent/main.o $(LIB_AGENT) $(LIB_BASE)
	@echo '  LINK     $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(AGENT_LIBS)
$(BUILD)/tacho-aggregator: $(BUILD)/aggregator/main.o $(BUILD)/aggregator/allocator.o $(LIB_AGGREGATOR) $(LIB_BASE)
	@echo '  LINK     $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(AGGREGATOR_LIBS)
$(BUILD)/tacho-top: $(BUILD)/top/main.o $(LIB_TOP) $(LIB_AGGREGATOR) $(LIB_BASE)
	@echo '  LINK     $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(TOP_LIBS)
# Its memory is a known figure: never with sanitizers.
$(BUILD)/demo/load: demo/load.c
	@mkdir -p $(@D)
	@echo '  CC       $<'
	$(Q)$(CC) $(CPPFLAGS) $(filter-out -fsanitize=% -fno-sanitize-recover=%,$(CFLAGS)) -o $@ $<
$(BUILD)/proto/metrics_doc: $(BUILD)/proto/metrics_doc.o $(LIB_BASE)
	@echo '  LINK     $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

$(UNIT_TESTS) $(INTEGRATION_TESTS): %: %.o $(LIB_HARNESS) $(LIB_TOP) $(LIB_AGENT) $(LIB_AGGREGATOR) $(LIB_BASE)
	@echo '  LINK     $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(TEST_LIBS)

$(BUILD)/tests/unit/aggregator/test_store_memory: LDFLAGS += \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray

-include $(ALL_OBJECTS:.o=.d) $(BUILD)/proto/metrics_doc.d
