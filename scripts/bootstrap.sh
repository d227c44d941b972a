#!/bin/sh
# SPDX-License-Identifier: MIT
# Prepare this checkout for its npm scripts.
#
#   bootstrap.sh node    node_modules as in package-lock.json
#   bootstrap.sh lab     node, and the Debian packages to build and boot the lab kernel
#   bootstrap.sh test    lab, and what its tests try and compare: allocators, sources of other kernels
#   bootstrap.sh proof   lab, and the programs that launch is tested with
#   bootstrap.sh endurance  lab, and the tools of an administrator
#   bootstrap.sh package lab, and the tools to make a Debian package of a kernel
#   bootstrap.sh vm      test and package, and the tools to make virtual machines of a complete Debian
#   bootstrap.sh kernel  lab, and the tools to compile the kernel's own selftests
#
# Installs only what is missing, and names it first. Exits with 69 if it cannot install it.
set -eu
cd "$(dirname "$0")/.."

# For the kernel build, the C programs and their checks, QEMU, and GRUB's generator, which tests run.
# The kernel's scripts and isolctl use perl and patch.
PACKAGES='bc bison ca-certificates ccache clang clang-format cpio flex g++ gcc gpgv grub-common grub2-common libc6-dev libelf-dev libssl-dev make patch perl qemu-system-x86 xz-utils linux-source-6.12'

# Allocators, whose settings docs/launch.md advises. The tests of one that is missing are skipped.
TEST_PACKAGES='libgoogle-perftools-dev libjemalloc2'

# Programs that the proof tests run, as their users run them.
PROOF_PACKAGES='default-jdk-headless dpdk-dev gdb gfortran golang-go libomp-dev linux-perf nodejs python3 rt-tests
  stress-ng'
# What test/endurance/activities needs; what is missing there is not tried.
ENDURANCE_PACKAGES='bpftrace conntrack dmsetup ethtool gdb iproute2 iptables iputils-ping kexec-tools kmod linux-perf
  msr-tools nftables procps python3 strace sysstat tcpdump xfsprogs'
KERNEL_PACKAGES='binutils gcc-multilib libcap-dev'
PACKAGE_PACKAGES='debhelper kmod openssl rsync'
VM_PACKAGES='dosfstools e2fsprogs fakeroot fdisk mmdebstrap ovmf qemu-utils zstd'

fail() { # what, help
  printf 'error: %s\nhelp: %s\n' "$1" "$2" >&2
  exit 69
}

installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

missing_packages() { # package...
  for package in "$@"; do
    [ "$package" = linux-source-6.12 ] && [ -n "${ISOLCTL_KERNEL_SOURCE:-}" ] && continue
    installed "$package" || printf '%s ' "$package"
  done
}

# Set $sudo to what makes a command run as root: nothing for root.
find_sudo() {
  if [ "$(id -u)" = 0 ]; then sudo=; else
    command -v sudo >/dev/null || return 1
    sudo=sudo
  fi
}

# shellcheck disable=SC2086 # the list is meant to be split
install_packages() {
  missing=$(missing_packages $PACKAGES)
  [ -z "$missing" ] && return
  command -v apt-get >/dev/null ||
    fail 'packages are missing, and this is neither Debian nor Ubuntu' "install the contents of these Debian packages, then try again: $missing"
  find_sudo || fail "packages are missing: $missing" 'run this as root, or install sudo'
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

# One at a time, because one that a distribution lacks must not keep the others away.
# shellcheck disable=SC2086 # the list is meant to be split
install_test_packages() {
  missing=$(missing_packages $TEST_PACKAGES)
  [ -z "$missing" ] && return
  if ! command -v apt-get >/dev/null || ! find_sudo; then
    printf 'warning: packages are missing, and their tests are skipped: %s\n' "$missing" >&2
    return 0
  fi
  printf 'installing: %s\n' "$missing" >&2
  $sudo apt-get update -q >&2 || true
  for package in $missing; do
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$package" >&2 ||
      printf 'warning: there is no package %s here: its tests are skipped\n' "$package" >&2
  done
}

# Set $apt to an apt-get that reads these suites of Debian beside its own sources, which stay as they
# are, and $folder to its directory. Fails where this is not Debian.
beside_apt() { # suite...
  # Others have a /debian, too, such as Docker. Without an index, apt knows no origin.
  mirror=$({
    apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Created-By: Packages'
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages'
  } 2>/dev/null | grep '/debian/*$' | head -n 1)
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -z "$mirror" ] || [ ! -e "$keyring" ] && return 1
  find_sudo || return 1
  folder=$(mktemp -d) || return 1
  mkdir "$folder/lists"
  chmod -R go+rx "$folder" # apt reads as a user of its own
  { cat /etc/apt/sources.list 2>/dev/null || true; } >"$folder/sources.list"
  for suite in "$@"; do
    printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$suite" >>"$folder/sources.list"
  done
  apt="$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y
    -o Dir::Etc::sourcelist=$folder/sources.list -o Dir::State::lists=$folder/lists"
}

# QEMU below 8.1 runs stale code where a kernel patches itself (src/lab/qemu.ts), and isolctl then
# gives it one thread for all CPUs. Debian 12 has a newer one in its backports.
install_newer_qemu() {
  version=$(dpkg-query -W -f '${Version}' qemu-system-x86 2>/dev/null) || return 0
  dpkg --compare-versions "$version" ge 1:8.1 && return
  apt-get indextargets --format '$(CODENAME)' 2>/dev/null | grep -qx bookworm || return 0
  [ -e node_modules/.isolctl-no-newer-qemu ] && return
  beside_apt bookworm-backports || return 0
  printf 'installing: qemu-system-x86 of bookworm-backports\n' >&2
  # shellcheck disable=SC2086 # the command is meant to be split
  if ! { $apt update && $apt install --no-install-recommends qemu-system-x86/bookworm-backports \
    qemu-system-common/bookworm-backports qemu-system-data/bookworm-backports seabios/bookworm-backports; } >&2; then
    printf 'warning: there is no newer QEMU here: emulated machines are slower\n' >&2
    : >node_modules/.isolctl-no-newer-qemu # do not try again each time
  fi
  $sudo rm -rf "$folder"
}

# The kernel's own C is compared with isolctl in test/boot/kernel-rules.system.test.ts. Beside
# linux-source-6.12 these versions are fetched, each from a suite of Debian that has it. They are not
# installed: the archives go to the cache.
OTHER_SOURCES='5.10 6.1 7.3'
SOURCE_SUITES='bullseye bookworm trixie-backports'

fetch_kernel_sources() {
  # As cacheRoot() in src/lib/cache.ts: a relative path is ignored.
  case ${XDG_CACHE_HOME:-} in
    /*) cache=$XDG_CACHE_HOME ;;
    *)
      [ -n "${HOME:-}" ] || return 0
      cache=$HOME/.cache
      ;;
  esac
  cache=$cache/isolctl/sources
  wanted=
  for version in $OTHER_SOURCES; do
    [ -e "/usr/src/linux-source-$version.tar.xz" ] || [ -e "$cache/linux-source-$version.tar.xz" ] ||
      [ -e "node_modules/.isolctl-no-linux-source-$version" ] || wanted="$wanted $version"
  done
  [ -z "$wanted" ] && return
  # shellcheck disable=SC2086 # the list is meant to be split
  beside_apt $SOURCE_SUITES || return 0
  printf 'fetching sources of Linux%s\n' "$wanted" >&2
  # shellcheck disable=SC2086 # the command is meant to be split
  if $apt -o APT::Update::Error-Mode=any update >&2; then updated=yes; else updated=; fi
  mkdir -p -m 700 "$cache" || {
    $sudo rm -rf "$folder"
    return 0
  }
  for version in $wanted; do
    # shellcheck disable=SC2086 # the command is meant to be split
    if (cd "$folder" && $apt download "linux-source-$version" >&2 &&
      dpkg-deb --fsys-tarfile linux-source-"$version"_*.deb |
      tar -xO "./usr/src/linux-source-$version.tar.xz") >"$cache/$version.part"; then
      mv "$cache/$version.part" "$cache/linux-source-$version.tar.xz"
    else
      printf 'warning: no sources of Linux %s here: its rules are not compared\n' "$version" >&2
      rm -f "$cache/$version.part"
      # Do not try again each time, except where the network may be the cause.
      [ -z "$updated" ] || : >"node_modules/.isolctl-no-linux-source-$version"
    fi
  done
  $sudo rm -rf "$folder"
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
    install_newer_qemu
    ;;
  test)
    install_packages
    install_test_packages
    install_modules
    install_newer_qemu
    fetch_kernel_sources
    ;;
  proof)
    PACKAGES="$PACKAGES $PROOF_PACKAGES"
    install_packages
    install_modules
    install_newer_qemu
    ;;
  endurance)
    PACKAGES="$PACKAGES $ENDURANCE_PACKAGES"
    install_packages
    install_modules
    install_newer_qemu
    ;;
  kernel)
    PACKAGES="$PACKAGES $KERNEL_PACKAGES"
    install_packages
    install_modules
    install_newer_qemu
    ;;
  package)
    PACKAGES="$PACKAGES $PACKAGE_PACKAGES"
    install_packages
    install_modules
    install_newer_qemu
    ;;
  vm)
    PACKAGES="$PACKAGES $PACKAGE_PACKAGES $VM_PACKAGES"
    install_packages
    install_test_packages
    install_modules
    install_newer_qemu
    fetch_kernel_sources
    ;;
  *) fail "bootstrap.sh: unknown goal \"${1:-}\"" 'sh scripts/bootstrap.sh node|lab|test|proof|endurance|kernel|package|vm' ;;
esac
