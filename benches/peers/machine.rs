//! Where and with what it was measured: figures hold for that alone.

use crate::tools::on_path;
use std::process::Command;

/// The first line that a program prints about its version.
fn version(program: &str) -> Option<String> {
    let path = on_path(program).or_else(|| {
        Some(format!("/usr/sbin/{program}").into()).filter(|path: &std::path::PathBuf| path.is_file())
    })?;
    let out = Command::new(path).arg("--version").output().ok()?;
    let text = [out.stdout, out.stderr].concat();
    let line = String::from_utf8_lossy(&text).lines().next()?.trim().to_owned();
    Some(if line.starts_with(program) { line } else { format!("{program} {line}") })
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Processor, memory, kernel, load, and the versions of what took part.
pub(crate) fn describe() -> String {
    let information = read("/proc/cpuinfo");
    let model = information
        .lines()
        .find(|line| line.starts_with("model name"))
        .and_then(|line| line.split(": ").nth(1));
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let memory = read("/proc/meminfo");
    let kib: u64 = memory.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    let load = read("/proc/loadavg");
    let versions: Vec<String> = ["dovecot", "mbsync", "interimap"].into_iter().filter_map(version).collect();
    format!(
        "{cores} × {}, {} GiB, Linux {}, load {} at the start; {}; mail in {}\n\n",
        model.unwrap_or("unknown processor"),
        (kib + (1 << 19)) >> 20,
        read("/proc/sys/kernel/osrelease").trim(),
        load.split(' ').next().unwrap_or_default(),
        versions.join(", "),
        crate::servers::memory().display(),
    )
}
