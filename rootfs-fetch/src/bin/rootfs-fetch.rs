//! `rootfs-fetch`
fn main() -> anyhow::Result<()> {
    let directories = rootfs_fetch::Directories::from_env()?;
    let rootfs = rootfs_fetch::host(&directories.data)?;
    eprintln!("{:?}", rootfs.left_out());
    println!("{}", rootfs.path().display());
    Ok(())
}
