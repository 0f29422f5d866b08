//! OpenRTB 2.x: one bid request in, its impressions out, as the ads app's stream `bid_requests` takes them.
//!
//! This file holds the whole mapping, field by field. It reads a request the way ad operations would: any
//! field may be missing, null or of the wrong type, and as long as a floor can still be decided the
//! impression goes through. What cannot be decided is refused by name: a whole line with a [`RequestError`],
//! one impression of many with a [`Refusal`]. No input panics, and nothing here answers bids, reads a clock
//! or knows the app.
//!
//! Left out on purpose: floors of deals (`pmp.deals[].bidfloor` has a currency of its own and binds only its
//! deal), consent strings, supply chains, user ids and addresses. Of an object's repeated key the first value
//! counts.
//!
//! Lenient where OpenRTB is strict: a request without `id` gets the id `""`, an imp without `id` the id of
//! its place, counted from 1; an imp without `banner`, `video`, `native` and `audio` has no format.
//!
//! Our extension fields, all optional: `imp.ext.historical_ctr` (0 to 1), `user.ext.engagement_score` (0 to
//! 1), `device.ext.performance_score` (0 or more), `imp.ext.inventory_type`, `site.ext.inventory_type` and
//! `app.ext.inventory_type` (`premium`, `standard` or `remnant`). A value out of its range counts as absent.

mod country;
mod device;
mod domain;
mod impression;
mod limits;
mod local_time;
mod read;
mod refusal;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashSet;
use std::mem;

use simd_json::{Buffers, Tape};

pub use country::{Country, TIER_OTHERS};
pub use impression::{DeviceCategory, Format, Impression, InventoryType, Surface, Value};
pub use limits::{
    BID_FLOOR_MAX, BIDDER_BYTES_MAX, DEPTH_MAX, DOMAIN_BYTES_MAX, ID_BYTES_MAX, IMPS_MAX,
    PERFORMANCE_SCORE_MAX, PLACEMENT_BYTES_MAX, PUBLISHER_BYTES_MAX, REQUEST_BYTES_MAX, SIZE_PIXELS_MAX,
};
use limits::{LINE_BYTES_KEPT_MAX, USER_AGENT_BYTES_MAX, UTC_OFFSET_MINUTES};
use read::{Json, at, cut, flag_at, id_of, integer_at, number_at, object_at, text_at, text_cut_at};
pub use refusal::{Refusal, RefusalReason, RequestError};

/// What OpenRTB prescribes when `bidfloorcur` is absent.
const CURRENCY_DEFAULT: &str = "USD";
/// What OpenRTB prescribes when `at` is absent: second price.
const AUCTION_TYPE_DEFAULT: i32 = 2;
/// Objects in `imp.ext` that are not a bidder's parameters. `bidder` holds those of a bidder that it does not
/// name.
const EXT_NOT_BIDDERS: [&str; 8] = ["prebid", "bidder", "data", "gpid", "tid", "context", "skadn", "params"];

/// Turns bid requests into impressions. Keeps its buffers between calls: have one per thread.
pub struct Adapter {
    buffers: Buffers,
    tape: Tape<'static>,
}

impl Default for Adapter {
    fn default() -> Self {
        Adapter { buffers: Buffers::with_max_depth(0, DEPTH_MAX), tape: Tape(Vec::new()) }
    }
}

impl Adapter {
    /// An adapter with empty buffers.
    #[must_use]
    pub fn new() -> Self {
        Adapter::default()
    }

    /// The impressions of one bid request, in its order: each imp becomes an [`Impression`] or a [`Refusal`],
    /// so the answer is never empty. `now_millis` (since 1970, UTC) becomes their time.
    ///
    /// `line` is parsed in place and holds nothing useful afterwards. A byte order mark before it and white
    /// space around it are fine. Allocates the impressions' texts. Costs about 10 microseconds for a usual
    /// request of 2 KB, and up to 20 milliseconds for a hostile one of [`REQUEST_BYTES_MAX`]: too long for a
    /// thread that must answer others meanwhile.
    ///
    /// # Errors
    ///
    /// [`RequestError`] if the line is not a bid request.
    pub fn impressions(
        &mut self,
        line: &mut [u8],
        now_millis: i64,
    ) -> Result<Vec<Result<Impression, Refusal>>, RequestError> {
        let bytes = line.len();
        if bytes > REQUEST_BYTES_MAX {
            return Err(RequestError::TooLarge { bytes });
        }
        let mark_bytes = if line.starts_with("\u{feff}".as_bytes()) { "\u{feff}".len() } else { 0 };
        let json = &mut line[mark_bytes..];
        if json.trim_ascii().is_empty() {
            return Err(RequestError::Empty);
        }
        let mut tape = mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let parsed = simd_json::fill_tape(json, &mut self.buffers, &mut tape);
        let answer = parsed.map(|()| impressions_of(tape.as_value(), now_millis));
        self.tape = tape.reset();
        if bytes > LINE_BYTES_KEPT_MAX {
            *self = Adapter::default();
        }
        answer.unwrap_or_else(|error| Err(RequestError::of_parser(&error, line, mark_bytes)))
    }
}

fn impressions_of(
    request: Json<'_, '_>,
    now_millis: i64,
) -> Result<Vec<Result<Impression, Refusal>>, RequestError> {
    if !request.is_object() {
        return Err(RequestError::NotAnObject { found: read::kind(request) });
    }
    let imp = at(request, &["imp"]).ok_or(RequestError::ImpMissing)?;
    let imps = imp.as_array().ok_or_else(|| RequestError::ImpNotAnArray { found: read::kind(imp) })?;
    match imps.len() {
        0 => return Err(RequestError::ImpEmpty),
        count if count > IMPS_MAX => return Err(RequestError::TooManyImps { count }),
        _ => {}
    }
    let common = Common::of(request, now_millis)?;
    let mut ids_seen = HashSet::with_capacity(imps.len());
    let impressions = imps.iter().zip(1..).map(|(imp, place)| {
        let (imp_id, usable) = identity(imp, place);
        let is_first = ids_seen.insert(imp_id.clone());
        let unique = if is_first { Ok(()) } else { Err(RefusalReason::IdRepeated) };
        usable.and(unique).and_then(|()| common.impression(imp, &imp_id)).map_err(|reason| Refusal {
            request_id: common.request_id.clone(),
            imp_id: imp_id.into_owned(),
            reason,
        })
    });
    Ok(impressions.collect())
}

/// The imp's id, or its place if it has none that can be used; and whether it can be mapped under that.
fn identity<'line>(imp: Json<'_, 'line>, place: usize) -> (Cow<'line, str>, Result<(), RefusalReason>) {
    let by_place = || Cow::Owned(place.to_string());
    match id_of(imp) {
        _ if !imp.is_object() => (by_place(), Err(RefusalReason::NotAnObject { found: read::kind(imp) })),
        Some(id) if id.len() > ID_BYTES_MAX => {
            (by_place(), Err(RefusalReason::IdTooLong { bytes: id.len() }))
        }
        Some(id) => (id, Ok(())),
        None => (by_place(), Ok(())),
    }
}

/// What all impressions of a request share, read once.
struct Common {
    request_id: String,
    domain: Option<String>,
    surface: Option<Surface>,
    publisher: Option<String>,
    inventory_type: Option<InventoryType>,
    ts_millis: i64,
    hour_of_day: i64,
    day_of_week: i64,
    country: Option<Country>,
    device_category: DeviceCategory,
    auction_type: i64,
    user_engagement_score: Option<f64>,
    device_performance_score: Option<f64>,
}

impl Common {
    fn of(request: Json<'_, '_>, now_millis: i64) -> Result<Common, RequestError> {
        let request_id = id_of(request).unwrap_or_default();
        if request_id.len() > ID_BYTES_MAX {
            return Err(RequestError::IdTooLong { bytes: request_id.len() });
        }
        let surface = surface(request);
        let user_agent = text_at(request, &["device", "ua"]);
        let utc_offset_minutes = integer_at(request, &["device", "geo", "utcoffset"], UTC_OFFSET_MINUTES);
        let (hour_of_day, day_of_week) =
            local_time::hour_and_day(now_millis, utc_offset_minutes.unwrap_or(0));
        Ok(Common {
            request_id: request_id.into_owned(),
            domain: domain(request),
            surface,
            publisher: publisher(request),
            inventory_type: ["site", "app"]
                .iter()
                .find_map(|surface| inventory_type_named(request, &[surface, "ext", "inventory_type"])),
            ts_millis: now_millis,
            hour_of_day,
            day_of_week,
            country: country(request, &["device", "geo", "country"])
                .or_else(|| country(request, &["user", "geo", "country"])),
            device_category: device::category(
                integer_at(request, &["device", "devicetype"], 0..=i32::MAX),
                user_agent.as_deref().map(|agent| cut(agent, USER_AGENT_BYTES_MAX)),
                surface == Some(Surface::App),
            ),
            auction_type: integer_at(request, &["at"], 1..=i32::MAX).unwrap_or(AUCTION_TYPE_DEFAULT).into(),
            user_engagement_score: number_at(request, &["user", "ext", "engagement_score"], 0.0..=1.0),
            device_performance_score: number_at(
                request,
                &["device", "ext", "performance_score"],
                0.0..=PERFORMANCE_SCORE_MAX,
            ),
        })
    }

    fn impression(&self, imp: Json<'_, '_>, imp_id: &str) -> Result<Impression, RefusalReason> {
        let bid_floor = bid_floor(imp)?;
        let format = format(imp);
        let (width, height) = size(imp, format);
        Ok(Impression {
            impression_id: format!("{}/{imp_id}", self.request_id),
            request_id: self.request_id.clone(),
            imp_id: imp_id.to_owned(),
            placement: placement(imp, self.domain.as_deref(), format),
            domain: self.domain.clone(),
            surface: self.surface,
            publisher: self.publisher.clone(),
            ts_millis: self.ts_millis,
            hour_of_day: self.hour_of_day,
            day_of_week: self.day_of_week,
            country: self.country.map(|country| country.alpha2),
            country_alpha3: self.country.map(|country| country.alpha3),
            country_tier: self.country.map_or(TIER_OTHERS, Country::tier),
            device_category: self.device_category,
            format,
            width,
            height,
            inventory_type: inventory_type(imp, self.inventory_type),
            deal: has_deal(imp),
            bidder: bidder(imp),
            bid_floor,
            bid_floor_currency: bid_floor_currency(imp, bid_floor.is_some())?,
            auction_type: self.auction_type,
            user_engagement_score: self.user_engagement_score,
            device_performance_score: self.device_performance_score,
            historical_ctr_avg: number_at(imp, &["ext", "historical_ctr"], 0.0..=1.0),
        })
    }
}

/// Site or app. OpenRTB forbids both; some send the other as an empty object, some send both filled: then the
/// site counts, as it does for the domain.
fn surface(request: Json<'_, '_>) -> Option<Surface> {
    let fields = |name| at(request, &[name]).and_then(|value| Some(value.as_object()?.len()));
    match (fields("site"), fields("app")) {
        (Some(0), Some(_)) | (None, Some(_)) => Some(Surface::App),
        (Some(_), _) => Some(Surface::Site),
        (None, None) => None,
    }
}

/// The site's domain, or the host of its page, or the app's domain, or its bundle. Never `site.ref`: that is
/// where the visitor came from.
fn domain(request: Json<'_, '_>) -> Option<String> {
    let host = |path: &[&str]| domain::host(&text_at(request, path)?);
    let bundle =
        || Some(domain::normal(&text_at(request, &["app", "bundle"])?)).filter(|name| !name.is_empty());
    host(&["site", "domain"])
        .or_else(|| host(&["site", "page"]))
        .or_else(|| host(&["app", "domain"]))
        .or_else(bundle)
}

/// The publisher's id, or name, or domain; of the site first.
fn publisher(request: Json<'_, '_>) -> Option<String> {
    ["site", "app"].iter().find_map(|surface| {
        ["id", "name", "domain"]
            .iter()
            .find_map(|field| text_cut_at(request, &[surface, "publisher", field], PUBLISHER_BYTES_MAX))
    })
}

fn country(request: Json<'_, '_>, path: &[&str]) -> Option<Country> {
    Country::find(&text_at(request, path)?)
}

/// `instl` makes an interstitial of anything. Else the object that is there decides; of several, video before
/// banner before native before audio: the one that usually pays most sets the floor.
fn format(imp: Json<'_, '_>) -> Option<Format> {
    let has = |name| object_at(imp, &[name]).is_some();
    match () {
        () if flag_at(imp, &["instl"]) => Some(Format::Interstitial),
        () if has("video") => Some(Format::Video),
        () if has("banner") => Some(Format::Banner),
        () if has("native") => Some(Format::Native),
        () if has("audio") => Some(Format::Audio),
        () => None,
    }
}

/// Width and height of the object that gave the format; of a banner without them, those of its first
/// `format`.
fn size(imp: Json<'_, '_>, format: Option<Format>) -> (Option<i64>, Option<i64>) {
    let pixels = |of: Json<'_, '_>, name| integer_at(of, &[name], 1..=SIZE_PIXELS_MAX).map(i64::from);
    let both = |of: Json<'_, '_>| (pixels(of, "w"), pixels(of, "h"));
    let video = || object_at(imp, &["video"]).map(both).filter(|size| *size != (None, None));
    let banner = || {
        let banner = object_at(imp, &["banner"])?;
        let first = || at(banner, &["format"]).and_then(|formats| formats.get_idx(0)).map(both);
        Some(both(banner)).filter(|size| *size != (None, None)).or_else(first)
    };
    let size = match format {
        Some(Format::Interstitial) => video().or_else(banner),
        Some(Format::Video) => video(),
        Some(Format::Banner) => banner(),
        Some(Format::Native | Format::Audio) | None => None,
    };
    size.unwrap_or((None, None))
}

/// `tagid`, or `ext.gpid`, or `ext.data.pbadslot`, or the domain with the format: the steadiest name of the
/// ad slot.
fn placement(imp: Json<'_, '_>, domain: Option<&str>, format: Option<Format>) -> String {
    let named = text_at(imp, &["tagid"])
        .or_else(|| text_at(imp, &["ext", "gpid"]))
        .or_else(|| text_at(imp, &["ext", "data", "pbadslot"]));
    let placement = named.unwrap_or_else(|| match (domain, format) {
        (Some(domain), Some(format)) => Cow::Owned(format!("{domain}/{}", format.as_str())),
        (Some(domain), None) => Cow::Owned(domain.to_owned()),
        (None, _) => Cow::Borrowed("unknown"),
    });
    cut(&placement, PLACEMENT_BYTES_MAX).to_owned()
}

/// A deal makes it premium. Else the sender's word counts, for the imp before that for the site or app. Else
/// rewarded and full-screen video is premium.
fn inventory_type(imp: Json<'_, '_>, of_surface: Option<InventoryType>) -> InventoryType {
    if has_deal(imp) || flag_at(imp, &["pmp", "private_auction"]) {
        return InventoryType::Premium;
    }
    if let Some(named) = inventory_type_named(imp, &["ext", "inventory_type"]).or(of_surface) {
        return named;
    }
    let is_rewarded = flag_at(imp, &["rwdd"]) || flag_at(imp, &["ext", "prebid", "is_rewarded_inventory"]);
    let is_full_screen_video = flag_at(imp, &["instl"]) && object_at(imp, &["video"]).is_some();
    if is_rewarded || is_full_screen_video { InventoryType::Premium } else { InventoryType::Standard }
}

fn inventory_type_named(value: Json<'_, '_>, path: &[&str]) -> Option<InventoryType> {
    let name = text_at(value, path)?;
    [InventoryType::Premium, InventoryType::Standard, InventoryType::Remnant]
        .into_iter()
        .find(|known| name.eq_ignore_ascii_case(known.as_str()))
}

fn has_deal(imp: Json<'_, '_>) -> bool {
    at(imp, &["pmp", "deals"]).and_then(|deals| deals.as_array()).is_some_and(|deals| !deals.is_empty())
}

/// The first bidder in the order of the document: a key of `ext.prebid.bidder`, or else a key of `ext` itself
/// that holds an object and is no field of another meaning.
fn bidder(imp: Json<'_, '_>) -> Option<String> {
    let of_prebid = object_at(imp, &["ext", "prebid", "bidder"]).and_then(|bidders| bidders.as_object());
    let first = of_prebid.and_then(|bidders| bidders.keys().find(|name| !name.trim().is_empty()));
    let name = first.or_else(|| {
        let ext = at(imp, &["ext"])?.as_object()?;
        let is_bidder = |name: &str| !name.trim().is_empty() && !EXT_NOT_BIDDERS.contains(&name);
        ext.iter().find(|(name, value)| value.is_object() && is_bidder(name)).map(|(name, _)| name)
    })?;
    Some(cut(name.trim(), BIDDER_BYTES_MAX).to_owned())
}

/// The publisher's floor. Zero, below zero and NaN say that there is none.
fn bid_floor(imp: Json<'_, '_>) -> Result<Option<f64>, RefusalReason> {
    let Some(value) = at(imp, &["bidfloor"]) else { return Ok(None) };
    match read::number(value) {
        None => Err(RefusalReason::BidFloorUnreadable { found: read::describe(value) }),
        Some(floor) if floor > BID_FLOOR_MAX => {
            Err(RefusalReason::BidFloorTooHigh { found: read::describe(value) })
        }
        Some(floor) => Ok((floor > 0.0).then_some(floor)),
    }
}

/// The floor's currency. Without a floor an unreadable one does no harm.
fn bid_floor_currency(imp: Json<'_, '_>, has_floor: bool) -> Result<String, RefusalReason> {
    let Some(value) = at(imp, &["bidfloorcur"]) else { return Ok(CURRENCY_DEFAULT.to_owned()) };
    let code = read::text(value)
        .filter(|code| code.len() == 3 && code.bytes().all(|letter| letter.is_ascii_alphabetic()));
    match code {
        Some(code) => Ok(code.to_ascii_uppercase()),
        None if has_floor => Err(RefusalReason::BidFloorCurrencyUnreadable { found: read::describe(value) }),
        None => Ok(CURRENCY_DEFAULT.to_owned()),
    }
}
