# Fuzzing of what reads bytes of others, by libFuzzer: every tests/fuzz/fuzz_*.c for SECONDS seconds,
# beginning with tests/fuzz/corpus/NAME where it is there. A crash fails, and leaves its input below
# FUZZ_CRASHES. Everything is compiled by clang, with sanitizers, into a folder of its own.

SECONDS      ?= 10
FUZZ_SAN     := fuzzer-no-link,address,undefined
FUZZ_TESTS   := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_CRASHES := $(ROOT)/fuzz-crashes

.PHONY: fuzz fuzz-programs
fuzz: ## what reads bytes of others, fed by libFuzzer for SECONDS each (10)
	@$(MAKE) --no-print-directory SAN=$(FUZZ_SAN) CC='$(CLANG)' WARNINGS=-w fuzz-programs
	@CRASHES=$(FUZZ_CRASHES) SECONDS_EACH=$(SECONDS) tests/fuzz/run \
		$(patsubst %.c,$(ROOT)/san-$(FUZZ_SAN)/%,$(wildcard tests/fuzz/fuzz_*.c))

fuzz-programs: $(FUZZ_TESTS)

$(FUZZ_TESTS:%=%.o): $(PROTO_GEN:.c=.h) | $(BPF_SKELS)
$(FUZZ_TESTS): %: %.o $(BUILD)/agent/cgroup_file.o $(LIB_AGGREGATOR) $(LIB_BASE)
	@echo '  LINK     $@'
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(TEST_LIBS)

-include $(FUZZ_TESTS:=.d)
