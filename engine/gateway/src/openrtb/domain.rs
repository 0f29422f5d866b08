//! Domain names out of what senders put where a domain or an address is asked for.

use super::limits::DOMAIN_BYTES_MAX;
use super::read::cut;

/// The host of an address, or of a bare domain: without scheme, user, port, path, trailing dot and leading
/// `www.`, in lower case. `None` if nothing is left, or if what is left cannot be a host: senders forget to
/// fill in their macros (`${PAGE_URL}`, `[DOMAIN]`), and one data point for all of those would be worse than
/// none.
pub(super) fn host(address: &str) -> Option<String> {
    let address = address.trim();
    let rest = match address.split_once("://") {
        Some((scheme, rest)) if scheme.chars().all(is_scheme_char) => rest,
        _ => address,
    };
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(bracketed) => {
            bracketed.split_once(']').map(|(inside, _)| inside).filter(|inside| is_ipv6(inside))?
        }
        None => host.split(':').next().filter(|name| name.chars().all(is_host_char))?,
    };
    let domain = normal(host.trim_end_matches('.'));
    (!domain.is_empty()).then_some(domain)
}

/// Lower case, without leading `www.`, at most [`DOMAIN_BYTES_MAX`] bytes.
pub(super) fn normal(name: &str) -> String {
    let mut name = name.to_lowercase();
    if name.starts_with("www.") {
        name.drain(.."www.".len());
    }
    name.truncate(cut(&name, DOMAIN_BYTES_MAX).len());
    name
}

fn is_scheme_char(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '+' | '-' | '.')
}

fn is_host_char(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '.' | '-' | '_')
}

fn is_ipv6(text: &str) -> bool {
    text.parse::<std::net::Ipv6Addr>().is_ok()
}
