//! What this process has used: memory, processor time, the machine's load. From /proc, where there is one.

/// What this process has used, as far as it can be known.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Usage {
    /// Resident memory in bytes.
    pub(crate) memory: Option<u64>,
    /// The most there was of it.
    pub(crate) peak: Option<u64>,
    /// Processor seconds, user and system.
    pub(crate) seconds: Option<f64>,
    /// The load averages and the number of processors.
    pub(crate) load: Option<String>,
}

/// Ticks per second in /proc/self/stat: part of Linux's interface to programs, the same on every machine that counts.
const TICKS: f64 = 100.0;

impl Usage {
    /// What has been used until now.
    pub(crate) fn now() -> Self {
        let read = |file| std::fs::read_to_string(file).unwrap_or_default();
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self::read(&read("/proc/self/status"), &read("/proc/self/stat"), &read("/proc/loadavg"), processors)
    }

    /// The same with the processor time alone that has passed since then.
    #[must_use]
    pub(crate) fn since(self, then: &Self) -> Self {
        let seconds = self.seconds.zip(then.seconds).map(|(now, then)| now - then);
        Self { seconds, ..self }
    }

    fn read(status: &str, stat: &str, load: &str, processors: usize) -> Self {
        let memory = |label: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(label))?;
            line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
        };
        let averages: Vec<_> = load.split_whitespace().take(3).collect();
        Self {
            memory: memory("VmRSS:"),
            peak: memory("VmHWM:"),
            seconds: ticks(stat).map(|ticks| ticks / TICKS),
            load: (averages.len() == 3).then(|| format!("{} on {processors} cores", averages.join(" "))),
        }
    }
}

/// utime and stime, the 14th and 15th field; the second one is the program's name in parentheses and may hold blanks.
fn ticks(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read() {
        let status = "Name:\timapsync\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\n";
        let stat = "42 (odd ) name) S 1 42 42 0 -1 4194304 900 0 0 0 150 50 7 8 20 0 1 0 5 6 7";
        let usage = Usage::read(status, stat, "0.50 0.40 0.30 1/99 4242\n", 2);
        assert_eq!(usage.memory, Some(10 << 20));
        assert_eq!(usage.peak, Some(20 << 20));
        assert_eq!(usage.seconds, Some(2.0));
        assert_eq!(usage.load.as_deref(), Some("0.50 0.40 0.30 on 2 cores"));
        assert_eq!(Usage::read("", "", "", 2), Usage::default());
        let before = Usage { seconds: Some(0.5), ..Usage::default() };
        assert_eq!(usage.clone().since(&before), Usage { seconds: Some(1.5), ..usage });
    }
}
