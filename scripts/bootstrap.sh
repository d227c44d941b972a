#!/bin/sh
# SPDX-License-Identifier: MIT
# Prepare this checkout for its own npm scripts.
#
#   bootstrap.sh node    node_modules as package-lock.json wants them
#   bootstrap.sh lab     that, and the Debian packages that building and booting the lab kernel takes
#   bootstrap.sh proof   that of the lab, and the programs that launch is proved with
#   bootstrap.sh package what lab takes, and what a Debian package of a kernel is made with
#   bootstrap.sh vm      that, and what makes virtual machines of a whole Debian, for their tests
#   bootstrap.sh kernel  what lab takes, and what the kernel's own selftests are compiled with
#
# Installs nothing that is there already; says what it is going to install before it does. Exits 69 where it cannot.
set -eu
cd "$(dirname "$0")/.."

# Kernel build, C programs, QEMU, GRUB's generator for its tests. perl and patch are used by the kernel's own scripts and by us.
PACKAGES='bc bison ca-certificates ccache cpio flex g++ gcc gpgv grub-common grub2-common libc6-dev libelf-dev libssl-dev make patch perl qemu-system-x86 xz-utils linux-source-6.12'

# Programs that isolation is proved with, as their users run them.
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
    fail 'this is neither Debian nor Ubuntu, and packages are missing' "install what these Debian packages hold, then try again: $missing"
  if [ "$(id -u)" = 0 ]; then sudo=; elif command -v sudo >/dev/null; then sudo=sudo; else
    fail "packages are missing: $missing" 'run this as root, or install sudo'
  fi
  printf 'installing: %s\n' "$missing" >&2
  # An index from before a point release names files that are gone; a machine without one knows no package.
  $sudo apt-get update -q >&2 || fail 'apt-get update failed' 'see the lines above'
  for package in $missing; do
    apt-cache show "$package" >/dev/null 2>&1 && continue
    [ "$package" = linux-source-6.12 ] && fail 'this distribution has no package linux-source-6.12' \
      'fetch a Linux 6.12 source archive, and name it: ISOLCTL_KERNEL_SOURCE=/path/linux-6.12.tar.xz'
    fail "no package $package is known here" 'check the apt sources: main is enough on Debian, main and universe on Ubuntu'
  done
  # A non-interactive front end, also through sudo; recommended packages would bring a desktop's worth of QEMU.
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing >&2 ||
    fail 'apt-get install failed' 'see the lines above'
}

install_modules() {
  # npm ci wipes node_modules, so the stamp is only there after it went through.
  wanted=$(cat package-lock.json tools/node/package.json | cksum)
  [ "$(cat node_modules/.isolctl-lock 2>/dev/null || true)" = "$wanted" ] && return
  printf 'installing node modules\n' >&2
  # EBADENGINE: npm itself may run on an older Node than the one it installs for our scripts.
  npm ci --no-audit --no-fund --loglevel=error >&2 || fail 'npm ci failed' 'see the lines above'
  link_node
  printf '%s\n' "$wanted" >node_modules/.isolctl-lock
}

# npm puts node_modules/.bin first in PATH, so the Node there is the one all scripts run on. npm 9 (Debian 13) installs
# it and leaves out the link; on a platform without a packaged Node the machine's own has to do.
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
