//! What a call is for: the parts of a container's start, as the chapters are cut.

/// One part of the work. Its number is its chapter's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Chapter 0.
    Process,
    /// Chapter 1.
    Namespaces,
    /// Chapter 2.
    Rootfs,
    /// Chapter 3.
    Cgroups,
    /// Chapter 4.
    Layers,
    /// Chapter 5.
    Network,
    /// Chapter 6.
    Seccomp,
    /// Chapter 7.
    Users,
}

impl Purpose {
    /// All, in the order of the chapters.
    pub const ALL: [Purpose; 8] = [
        Purpose::Process,
        Purpose::Namespaces,
        Purpose::Rootfs,
        Purpose::Cgroups,
        Purpose::Layers,
        Purpose::Network,
        Purpose::Seccomp,
        Purpose::Users,
    ];

    /// The chapter that explains it.
    pub fn chapter(self) -> u8 {
        self as u8
    }

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Purpose::Process => "process",
            Purpose::Namespaces => "namespaces",
            Purpose::Rootfs => "root filesystem",
            Purpose::Cgroups => "control groups",
            Purpose::Layers => "layers",
            Purpose::Network => "network",
            Purpose::Seccomp => "system-call filter",
            Purpose::Users => "users and capabilities",
        }
    }
}
