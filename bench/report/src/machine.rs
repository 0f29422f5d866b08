//! What the numbers were measured on.

use std::fs;

/// Processor, cores, kernel and vector instructions, in one line.
pub fn describe() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor_model(&processors).unwrap_or("unknown processor").to_owned();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_else(|_| "unknown".to_owned());
    let features = vector_features(&processors);
    format!("{processor}, {cores} cores, kernel {}, {features}", kernel.trim())
}

/// Those of the processor's flags that tree layouts and their peers care for.
fn vector_features(processors: &str) -> String {
    let flags = processors.lines().find(|line| line.starts_with("flags") || line.starts_with("Features"));
    let flags: Vec<&str> = flags.unwrap_or_default().split_whitespace().collect();
    let (here, absent): (Vec<&str>, Vec<&str>) =
        VECTOR_FLAGS.iter().copied().partition(|flag| flags.contains(flag));
    format!("has {}, not {}", list(&here), list(&absent))
}

/// In Linux's words.
const VECTOR_FLAGS: [&str; 6] = ["sse4_2", "avx2", "bmi2", "avx512bw", "avx512_vbmi", "asimd"];

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
}

fn processor_model(processors: &str) -> Option<&str> {
    let line = processors.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, model)| model.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vector_instructions_are_named() {
        let text = "flags\t\t: fpu avx2 sse4_2\n";
        assert_eq!(vector_features(text), "has sse4_2 avx2, not bmi2 avx512bw avx512_vbmi asimd");
        assert_eq!(vector_features("Features\t: asimd\n").split(',').next(), Some("has asimd"));
    }

    #[test]
    fn the_processor_is_named() {
        let text = "processor\t: 0\nmodel name\t: Swift 9000\nflags\t: a b\n";
        assert_eq!(processor_model(text), Some("Swift 9000"));
        assert_eq!(processor_model("processor\t: 0\n"), None);
    }
}
