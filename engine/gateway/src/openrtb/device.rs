//! The class of a device, from OpenRTB's `devicetype` and, where that says nothing, from the user agent.

use super::impression::DeviceCategory::{self, Desktop, Mobile, Tablet};

/// Television sets and boxes. They say Android, without `Mobile`, and would pass for tablets.
const TELEVISION_MARKS: [&str; 9] =
    ["smart-tv", "smarttv", "android tv", "googletv", "hbbtv", "appletv", "bravia", "crkey", "roku"];
const TABLET_MARKS: [&str; 4] = ["ipad", "tablet", "kindle", "playbook"];
const MOBILE_MARKS: [&str; 6] = ["mobi", "iphone", "ipod", "android", "windows phone", "opera mini"];

/// The device category.
///
/// `devicetype` decides where it can: 4 is mobile, 5 is tablet, 2 is desktop. 3 (connected TV), 6 (connected
/// device), 7 (set-top box) and 8 (out-of-home screen) count as desktop: a large screen, watched without
/// touch, priced nearer to a PC than to a phone. 1 (phone or tablet) leaves the choice between the two to the
/// user agent. Any other value, or none, leaves all to the user agent. Without one, an app runs on a mobile
/// and a site is read on a desktop.
pub(super) fn category(device_type: Option<i32>, user_agent: Option<&str>, is_app: bool) -> DeviceCategory {
    let by_agent = user_agent.map(category_of_user_agent);
    match device_type {
        Some(1) if by_agent == Some(Tablet) => Tablet,
        Some(1 | 4) => Mobile,
        Some(5) => Tablet,
        Some(2 | 3 | 6 | 7 | 8) => Desktop,
        _ => by_agent.unwrap_or(if is_app { Mobile } else { Desktop }),
    }
}

fn category_of_user_agent(user_agent: &str) -> DeviceCategory {
    let agent = user_agent.to_ascii_lowercase();
    let has_one_of = |marks: &[&str]| marks.iter().any(|mark| agent.contains(mark));
    // Internet Explorer writes `Tablet PC 2.0` on every PC that could take a pen.
    let is_pen_pc = agent.contains("tablet pc");
    let is_android_without_mobile = agent.contains("android") && !agent.contains("mobi");
    if has_one_of(&TELEVISION_MARKS) {
        Desktop
    } else if !is_pen_pc && (has_one_of(&TABLET_MARKS) || is_android_without_mobile) {
        Tablet
    } else if has_one_of(&MOBILE_MARKS) {
        Mobile
    } else {
        Desktop
    }
}
