#!/bin/sh
# SPDX-License-Identifier: MIT
# Prepare this checkout for its npm scripts.
#
#   bootstrap.sh node    node_modules as in package-lock.json
#   bootstrap.sh lab     node, and the Debian packages to build and boot the lab kernel
#   bootstrap.sh proof   lab, and the programs that launch is tested with
#   bootstrap.sh package lab, and the tools to make a Debian package of a kernel
#   bootstrap.sh vm      package, and the tools to make virtual machines of a complete Debian
#   bootstrap.sh kernel  lab, and the tools to compile the kernel's own selftests
#
# Installs only what is missing, and names it first. Exits with 69 if it cannot install it.
set -eu
cd "$(dirname "$0")/.."

# For the kernel build, the C programs and their checks, QEMU, and GRUB's generator, which tests run.
# The kernel's scripts and isolctl use perl and patch.
PACKAGES='bc bison ca-certificates ccache clang clang-format cpio flex g++ gcc gpgv grub-common grub2-common libc6-dev libelf-dev libssl-dev make patch perl qemu-system-x86 xz-utils linux-source-6.12'

# Programs that the proof tests run, as their users run them.
PROOF_PACKAGES='dpdk-dev gdb linux-perf python3 rt-tests stress-ng'
KERNEL_PACKAGES='binutils gcc-multilib libcap-dev'
PACKAGE_PACKAGES='debhelper kmod openssl rsync'
VM_PACKAGES='dosfstools e2fsprogs fakeroot fdisk mmdebstrap ovmf qemu-utils zstd'

fail() { # what, help
  printf 'error: %s\nhelp: %s\n' "$1" "$2" >&2
  exit 69
}

installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

missing_packages() {
  for package in $PACKAGES; do
    [ "$package" = linux-source-6.12 ] && [ -n "${ISOLCTL_KERNEL_SOURCE:-}" ] && continue
    installed "$package" || printf '%s ' "$package"
  done
}

# shellcheck disable=SC2086 # the list is meant to be split
install_packages() {
  missing=$(missing_packages)
  [ -z "$missing" ] && return
  command -v apt-get >/dev/null ||
    fail 'packages are missing, and this is neither Debian nor Ubuntu' "install the contents of these Debian packages, then try again: $missing"
  if [ "$(id -u)" = 0 ]; then sudo=; elif command -v sudo >/dev/null; then sudo=sudo; else
    fail "packages are missing: $missing" 'run this as root, or install sudo'
  fi
  printf 'installing: %s\n' "$missing" >&2
  # An index from before a point release names files that no longer exist; a fresh machine has no
  # index.
  $sudo apt-get update -q >&2 || fail 'apt-get update failed' 'see the lines above'
  for package in $missing; do
    apt-cache show "$package" >/dev/null 2>&1 && continue
    [ "$package" = linux-source-6.12 ] && fail 'this distribution has no package linux-source-6.12' \
      'download a Linux 6.12 source archive, and name it: ISOLCTL_KERNEL_SOURCE=/path/linux-6.12.tar.xz'
    fail "apt has no package $package" 'check the apt sources: main on Debian, main and universe on Ubuntu'
  done
  # Non-interactive, also through sudo; with recommended packages, QEMU would install the libraries
  # of a desktop.
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing >&2 ||
    fail 'apt-get install failed' 'see the lines above'
}

install_modules() {
  # npm ci removes node_modules, so the stamp exists only after it succeeded.
  wanted=$(cat package-lock.json tools/node/package.json | cksum)
  [ "$(cat node_modules/.isolctl-lock 2>/dev/null || true)" = "$wanted" ] && return
  printf 'installing node modules\n' >&2
  # loglevel hides EBADENGINE: npm may run on an older Node than the one that it installs for the
  # scripts.
  npm ci --no-audit --no-fund --loglevel=error >&2 || fail 'npm ci failed' 'see the lines above'
  link_node
  printf '%s\n' "$wanted" >node_modules/.isolctl-lock
}

# npm puts node_modules/.bin first in PATH, so all scripts run on the Node there. npm 9 (Debian 13)
# installs it without the link. A platform without a packaged Node uses that of the machine.
link_node() {
  if [ ! -e node_modules/.bin/node ]; then
    for node in node_modules/node-linux-*/bin/node; do
      [ -x "$node" ] && ln -sf "../${node#node_modules/}" node_modules/.bin/node
    done
  fi
  PATH=$PWD/node_modules/.bin:$PATH node -e '
    const [major, minor] = process.versions.node.split(".").map(Number)
    process.exit(major > 22 || (major === 22 && minor >= 18) ? 0 : 1)' ||
    fail "Node 22.18 or newer is needed, and this is $(node --version)" 'install a newer Node.js'
}

case ${1:-} in
  node) install_modules ;;
  lab)
    install_packages
    install_modules
    ;;
  proof)
    PACKAGES="$PACKAGES $PROOF_PACKAGES"
    install_packages
    install_modules
    ;;
  kernel)
    PACKAGES="$PACKAGES $KERNEL_PACKAGES"
    install_packages
    install_modules
    ;;
  package)
    PACKAGES="$PACKAGES $PACKAGE_PACKAGES"
    install_packages
    install_modules
    ;;
  vm)
    PACKAGES="$PACKAGES $PACKAGE_PACKAGES $VM_PACKAGES"
    install_packages
    install_modules
    ;;
  *) fail "bootstrap.sh: unknown goal \"${1:-}\"" 'sh scripts/bootstrap.sh node|lab|proof|kernel|package|vm' ;;
esac
