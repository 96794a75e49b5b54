# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# Packages of the machine, and a private apt for what bookworm itself lacks, with a
# configuration of its own in the cache, so that checksums come from signed indices
# and the machine's set-up is not changed.  Sourced by provision.sh.

apt=$MSIWIN_CACHE/apt

# need_packages [PACKAGE...]  Without any: those that all but the slow tests need.
need_packages() (
	[ $# -gt 0 ] || set -- \
		bc binutils bison ccache cpio device-tree-compiler dpkg-dev flex \
		g++ gcc gcc-aarch64-linux-gnu git git-email kmod libc6-dev libc6-dev-arm64-cross \
		libelf-dev libfdt-dev libglib2.0-dev libmailtools-perl libssl-dev make ninja-build patch perl pkg-config \
		python3 python3-git python3-ply python3-venv quilt rsync \
		shellcheck xz-utils zlib1g-dev
	missing=
	for pkg; do
		dpkg-query -W -f '${db:Status-Status}' "$pkg" 2>/dev/null |
			grep -qx installed || missing="$missing $pkg"
	done
	[ -n "$missing" ] || exit 0

	cmd="apt-get install -y --no-install-recommends$missing"
	[ "$(id -u)" -eq 0 ] || die "packages are missing" "as root: $cmd"
	say "missing packages:$missing"
	stage "install packages"
	run_logged "$OUT/packages.log" apt-get update
	# shellcheck disable=SC2086 # one word a package
	DEBIAN_FRONTEND=noninteractive run_logged "$OUT/packages.log" $cmd
	stage_done
)

# The mirror that this machine uses for the main archive of bookworm.
# shellcheck disable=SC2016 # apt expands these
debian_mirror() {
	apt-get indextargets --format '$(RELEASE) $(SITE)' \
		'Created-By: Packages' 'Component: main' |
		awk '$1 == "bookworm" { print $2; exit }'
}

apt_setup() (
	mirror=$(debian_mirror)
	[ -n "$mirror" ] || die "apt of this machine has no entry for bookworm main" \
		"this needs Debian 12; add the mirror to /etc/apt/sources.list"
	mkdir -p "$apt/lists/partial" "$apt/archives/partial"
	opts=signed-by=/usr/share/keyrings/debian-archive-keyring.gpg
	cat >"$apt/sources.list" <<-END
		deb [$opts arch=amd64,arm64] $mirror bookworm main
		deb [$opts arch=amd64] $mirror bookworm-backports main
		deb [$opts arch=amd64] $mirror $(base_field linux suite) main
		deb-src [$opts] $mirror $(base_field qemu suite) main
	END
	# Backports only for what bookworm has too old.
	cat >"$apt/preferences" <<-END
		Package: src:qemu src:meson src:pycotap
		Pin: release n=bookworm-backports
		Pin-Priority: 600
	END
	# The empty status makes apt see a bare machine: it finds every library
	# that a package needs, not only those that this machine lacks.  A mirror
	# that stands still, with an index past its date, will do: the bases are
	# known by checksum.
	: >"$apt/status"
	cat >"$apt/apt.conf" <<-END
		#clear APT::Architectures;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		APT::Architectures { "amd64"; "arm64"; };
		APT::Sandbox::User "root";
		APT::Update::Error-Mode "any";
		Acquire::Check-Valid-Until "false";
		Dir::State "$apt";
		Dir::State::status "$apt/status";
		Dir::Cache "$apt";
		Dir::Etc::SourceList "$apt/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::Etc::Preferences "$apt/preferences";
		Dir::Etc::PreferencesParts "/dev/null";
	END
)

apt_get() {
	apt-get -c "$apt/apt.conf" -qq "$@"
}

# Lists of an hour ago still do: a package that has gone since is an error.
apt_update() {
	with_lock apt apt_update_locked
}

apt_update_locked() {
	apt_setup
	find "$apt" -maxdepth 1 -name updated -mmin +60 -delete
	stamped "$apt/updated" "$(sha_of "$apt/sources.list")" \
		run_logged "$OUT/apt-update.log" apt_get update
}
