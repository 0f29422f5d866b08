//! What the numbers were measured on.

use std::fs;

/// Processor, cores and kernel, in one line.
pub fn describe() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor_model(&processors).unwrap_or("unknown processor").to_owned();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_else(|_| "unknown".to_owned());
    format!("{processor}, {cores} cores, kernel {}", kernel.trim())
}

fn processor_model(processors: &str) -> Option<&str> {
    let line = processors.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, model)| model.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named() {
        let text = "processor\t: 0\nmodel name\t: Swift 9000\nflags\t: a b\n";
        assert_eq!(processor_model(text), Some("Swift 9000"));
        assert_eq!(processor_model("processor\t: 0\n"), None);
    }
}
