# SPDX-License-Identifier: BSD-2-Clause
# A thin front: meson builds user space (in build/), Kbuild the module (in build/module/).
BUILD ?= build
KDIR ?= /lib/modules/$(shell uname -r)/build
DESTDIR ?=

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	tools/deps build
	meson setup $(BUILD)

# The tests: 15 to 30 minutes; all of them, with longer fuzzing: an hour or more.
check:
	@tools/check

check-full:
	@tools/check --full

demo:
	@tools/demo

bench:
	@tools/bench

# The kernel host, on User-Mode Linux: seen to work, measured.
demo-kernel:
	@tools/demo-kernel

bench-kernel:
	@tools/bench-kernel

# PREFIX: /usr/local unless the build was set up for another one.
install: all
	$(if $(PREFIX),meson configure $(BUILD) -Dprefix=$(PREFIX) && ninja -C $(BUILD))
	DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

# netmap.ko for the kernel whose headers are in KDIR.
module:
	hosts/linux/stage.sh $(BUILD)/module
	$(MAKE) -C $(KDIR) M=$(abspath $(BUILD)/module) modules

# By DKMS if that is here, so that kernels to come get it as well; see docs/kernel.md.
install-module:
	hosts/linux/install.sh '$(KDIR)' '$(DESTDIR)'

clean:
	rm -rf $(BUILD) out

help:
	@echo 'make [all]       build into $(BUILD)/'
	@echo 'make check       build and test everything, 15 to 30 minutes'
	@echo 'make check-full  the same with all that takes long'
	@echo 'make demo        see it work'
	@echo 'make bench       measure it'
	@echo 'make demo-kernel, make bench-kernel   the same of the kernel module'
	@echo 'make install     into DESTDIR, below PREFIX'
	@echo 'make module      netmap.ko for the kernel in KDIR=$(KDIR)'
	@echo 'make install-module   it, and the rule for its device'
	@echo 'make clean       remove $(BUILD)/ and out/'

.PHONY: all check check-full demo bench demo-kernel bench-kernel install module install-module clean help
