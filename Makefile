# SPDX-License-Identifier: BSD-2-Clause
# A thin front: meson builds user space (in build/), Kbuild the module.
BUILD ?= build

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD)

.PHONY: all
