//! One impression, as the ads app's stream `bid_requests` takes it.

/// An impression that a floor can be decided for. Every text is capped, see the limits of the
/// [module](super).
#[derive(Clone, Debug, PartialEq)]
pub struct Impression {
    /// `request_id/imp_id`. Unique only as far as the sender's request ids are; without one it is `/imp_id`.
    pub impression_id: String,
    /// The request's `id`; empty if it has none.
    pub request_id: String,
    /// The imp's `id`; its place in the request, counted from 1, if it has none.
    pub imp_id: String,
    /// The ad slot; never empty.
    pub placement: String,
    /// Domain of the site, or domain or bundle of the app; lower case, without `www.`.
    pub domain: Option<String>,
    /// Site or app.
    pub surface: Option<Surface>,
    /// The publisher's id, or else its name, or else its domain.
    pub publisher: Option<String>,
    /// When the request came in, in milliseconds since 1970 (UTC).
    pub ts_millis: i64,
    /// 0 to 23, at the device if it tells its offset from UTC, else in UTC.
    pub hour_of_day: i64,
    /// 1 (Monday) to 7 (Sunday), on the same clock as the hour.
    pub day_of_week: i64,
    /// ISO 3166-1 alpha-2.
    pub country: Option<&'static str>,
    /// ISO 3166-1 alpha-3.
    pub country_alpha3: Option<&'static str>,
    /// 1 to 3; 3 without a country.
    pub country_tier: i64,
    /// Class of device.
    pub device_category: DeviceCategory,
    /// Kind of ad; `None` if the imp names none.
    pub format: Option<Format>,
    /// Width of the slot in pixels.
    pub width: Option<i64>,
    /// Height of the slot in pixels.
    pub height: Option<i64>,
    /// Class of inventory.
    pub inventory_type: InventoryType,
    /// Whether the imp offers a private deal.
    pub deal: bool,
    /// First bidder that the imp names.
    pub bidder: Option<String>,
    /// The publisher's floor as CPM, in `bid_floor_currency`; above 0 and at most
    /// [`BID_FLOOR_MAX`](super::BID_FLOOR_MAX).
    pub bid_floor: Option<f64>,
    /// Three capital letters, not checked against ISO 4217; `USD` where the sender names none.
    pub bid_floor_currency: String,
    /// 1 first price, 2 second price, others by agreement with the sender; 2 where the sender names none.
    pub auction_type: i64,
    /// 0 to 1.
    pub user_engagement_score: Option<f64>,
    /// 0 to [`PERFORMANCE_SCORE_MAX`](super::PERFORMANCE_SCORE_MAX).
    pub device_performance_score: Option<f64>,
    /// 0 to 1.
    pub historical_ctr_avg: Option<f64>,
}

/// One column of an impression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Text, may hold control characters.
    Text(&'a str),
    /// Whole number.
    Int(i64),
    /// Finite number.
    Double(f64),
    /// Milliseconds since 1970 (UTC).
    TimestampMillis(i64),
    /// True or false.
    Bool(bool),
}

impl Impression {
    /// Every column that [`Impression::value`] knows, so that an app's stream can be checked once when it is
    /// installed.
    pub const COLUMNS: [&'static str; 26] = [
        "impression_id",
        "request_id",
        "imp_id",
        "placement",
        "domain",
        "app_or_site",
        "publisher",
        "ts",
        "hour_of_day",
        "day_of_week",
        "country",
        "country_alpha3",
        "country_tier",
        "device_category",
        "format",
        "width",
        "height",
        "inventory_type",
        "deal",
        "bidder",
        "bid_floor",
        "bid_floor_currency",
        "auction_type",
        "user_engagement_score",
        "device_performance_score",
        "historical_ctr_avg",
    ];

    /// The value of a column, by its name in the stream. `None` is SQL's NULL: the request does not say, or
    /// the name is not in [`Impression::COLUMNS`]. Allocates nothing.
    #[must_use]
    pub fn value(&self, column: &str) -> Option<Value<'_>> {
        Some(match column {
            "impression_id" => Value::Text(&self.impression_id),
            "request_id" => Value::Text(&self.request_id),
            "imp_id" => Value::Text(&self.imp_id),
            "placement" => Value::Text(&self.placement),
            "domain" => Value::Text(self.domain.as_deref()?),
            "app_or_site" => Value::Text(self.surface?.as_str()),
            "publisher" => Value::Text(self.publisher.as_deref()?),
            "ts" => Value::TimestampMillis(self.ts_millis),
            "hour_of_day" => Value::Int(self.hour_of_day),
            "day_of_week" => Value::Int(self.day_of_week),
            "country" => Value::Text(self.country?),
            "country_alpha3" => Value::Text(self.country_alpha3?),
            "country_tier" => Value::Int(self.country_tier),
            "device_category" => Value::Text(self.device_category.as_str()),
            "format" => Value::Text(self.format?.as_str()),
            "width" => Value::Int(self.width?),
            "height" => Value::Int(self.height?),
            "inventory_type" => Value::Text(self.inventory_type.as_str()),
            "deal" => Value::Bool(self.deal),
            "bidder" => Value::Text(self.bidder.as_deref()?),
            "bid_floor" => Value::Double(self.bid_floor?),
            "bid_floor_currency" => Value::Text(&self.bid_floor_currency),
            "auction_type" => Value::Int(self.auction_type),
            "user_engagement_score" => Value::Double(self.user_engagement_score?),
            "device_performance_score" => Value::Double(self.device_performance_score?),
            "historical_ctr_avg" => Value::Double(self.historical_ctr_avg?),
            _ => return None,
        })
    }
}

/// Defines an enum whose variants have a fixed text in the stream.
macro_rules! named {
    ($(#[$about:meta])* $name:ident { $($(#[$variant_about:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_about])* $variant,)+ }

        impl $name {
            /// The text in the stream.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }
        }
    };
}

named! {
    /// Where the ad is shown.
    Surface {
        /// A website.
        Site = "site",
        /// An application.
        App = "app",
    }
}

named! {
    /// Class of device.
    DeviceCategory {
        /// Phone.
        Mobile = "mobile",
        /// Tablet.
        Tablet = "tablet",
        /// PC, and every other large screen.
        Desktop = "desktop",
    }
}

named! {
    /// Kind of ad.
    Format {
        /// Full screen, whatever it shows.
        Interstitial = "interstitial",
        /// Video.
        Video = "video",
        /// Banner.
        Banner = "banner",
        /// Native.
        Native = "native",
        /// Audio.
        Audio = "audio",
    }
}

named! {
    /// Class of inventory.
    InventoryType {
        /// Sold by deal, or of high attention.
        Premium = "premium",
        /// Neither of the others.
        Standard = "standard",
        /// What is left over, said so by the sender.
        Remnant = "remnant",
    }
}
