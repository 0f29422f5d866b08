//! The mapping, field by field.

use super::*;

#[test]
fn a_floor_below_what_was_meant_is_never_assumed() {
    check_imp(
        "bid_floor bid_floor_currency",
        &[
            ("", "NULL USD"),
            ("'bidfloor':null,'bidfloorcur':null", "NULL USD"),
            ("'bidfloor':1.5", "1.5 USD"),
            ("'bidfloor':2,'bidfloorcur':'eur'", "2 EUR"),
            ("'bidfloor':' 1.25 ','bidfloorcur':' GBP '", "1.25 GBP"),
            ("'bidfloor':0,'bidfloorcur':'EUR'", "NULL EUR"),
            ("'bidfloor':-1", "NULL USD"),
            ("'bidfloor':'NaN'", "NULL USD"),
            ("'bidfloor':''", "NULL USD"),
            ("'bidfloor':0.000001", "0.000001 USD"),
            ("'bidfloor':'1,50'", "1!bid_floor_unreadable"),
            ("'bidfloor':true", "1!bid_floor_unreadable"),
            ("'bidfloor':{'EUR':1}", "1!bid_floor_unreadable"),
            ("'bidfloor':'inf'", "1!bid_floor_too_high"),
            ("'bidfloor':18446744073709551615", "1!bid_floor_too_high"),
            ("'bidfloor':1,'bidfloorcur':'€'", "1!bid_floor_currency_unreadable"),
            ("'bidfloor':1,'bidfloorcur':'euro'", "1!bid_floor_currency_unreadable"),
            ("'bidfloor':1,'bidfloorcur':978", "1!bid_floor_currency_unreadable"),
            ("'bidfloor':1,'bidfloorcur':['EUR']", "1!bid_floor_currency_unreadable"),
            ("'bidfloor':1,'bidfloorcur':''", "1 USD"),
            ("'bidfloor':0,'bidfloorcur':'euro'", "NULL USD"),
            // A deal's floor is not the imp's.
            ("'pmp':{'deals':[{'id':'d','bidfloor':9,'bidfloorcur':'EUR'}]}", "NULL USD"),
        ],
    );
}

#[test]
fn the_format_is_the_object_that_is_there() {
    check_imp(
        "format width height",
        &[
            ("", "NULL NULL NULL"),
            ("'banner':{'w':300,'h':250}", "banner 300 250"),
            ("'banner':{'format':[{'w':'728','h':90.0},{'w':1,'h':1}]}", "banner 728 90"),
            ("'banner':{'w':0,'h':null,'format':[{'w':320,'h':50}]}", "banner 320 50"),
            ("'banner':{'w':-1,'h':99999999999}", "banner NULL NULL"),
            ("'banner':{'format':{'w':1}}", "banner NULL NULL"),
            ("'banner':{},'video':{'w':640,'h':360}", "video 640 360"),
            ("'native':{},'banner':{'w':1,'h':2}", "banner 1 2"),
            ("'audio':{},'native':{}", "native NULL NULL"),
            ("'audio':{}", "audio NULL NULL"),
            ("'video':null,'banner':'yes','audio':{}", "audio NULL NULL"),
            ("'instl':1,'banner':{'w':320,'h':480}", "interstitial 320 480"),
            ("'instl':'1','video':{},'banner':{'w':320,'h':480}", "interstitial 320 480"),
            ("'instl':0,'video':{}", "video NULL NULL"),
            ("'instl':true", "interstitial NULL NULL"),
        ],
    );
}

#[test]
fn the_placement_is_never_empty() {
    check_imp(
        "placement",
        &[
            ("'tagid':'top','ext':{'gpid':'/g'}", "top"),
            ("'tagid':42", "42"),
            ("'tagid':'  ','ext':{'gpid':'/g'}", "/g"),
            ("'tagid':['top'],'ext':{'data':{'pbadslot':'/slot'}}", "/slot"),
            ("'banner':{}", "unknown"),
            ("'ext':'gpid'", "unknown"),
        ],
    );
    check(
        "placement",
        &[
            ("{'imp':[{'video':{}}],'site':{'domain':'a.example'}}", "a.example/video"),
            ("{'imp':[{}],'site':{'domain':'a.example'}}", "a.example"),
        ],
    );
}

#[test]
fn deals_and_the_senders_word_make_the_inventory_type() {
    check_imp(
        "inventory_type deal",
        &[
            ("", "standard false"),
            ("'pmp':{'deals':[{'id':'d'}]}", "premium true"),
            ("'pmp':{'deals':[]}", "standard false"),
            ("'pmp':{'deals':{'id':'d'}}", "standard false"),
            ("'pmp':{'private_auction':1}", "premium false"),
            ("'rwdd':1", "premium false"),
            ("'ext':{'prebid':{'is_rewarded_inventory':1}}", "premium false"),
            ("'instl':1,'video':{}", "premium false"),
            ("'instl':1,'banner':{}", "standard false"),
            ("'ext':{'inventory_type':'Remnant'}", "remnant false"),
            ("'ext':{'inventory_type':'remnant'},'instl':1,'video':{}", "remnant false"),
            ("'ext':{'inventory_type':'remnant'},'pmp':{'deals':[{}]}", "premium true"),
            ("'ext':{'inventory_type':'gold'}", "standard false"),
        ],
    );
    check_request(
        "inventory_type",
        &[
            ("'site':{'ext':{'inventory_type':'premium'}}", "premium"),
            ("'app':{'ext':{'inventory_type':'remnant'}}", "remnant"),
            ("'site':{'ext':'premium'}", "standard"),
        ],
    );
}

#[test]
fn the_bidder_is_the_first_one_named() {
    check_imp(
        "bidder",
        &[
            ("", "NULL"),
            ("'ext':{'prebid':{'bidder':{'zeta':{},'alfa':{}}},'beta':{}}", "zeta"),
            (
                "'ext':{'tid':'t','data':{},'gpid':'g','prebid':{},'skadn':{},'context':{},'zeta':{},'alfa':{}}",
                "zeta",
            ),
            ("'ext':{'prebid':{'bidder':{}},'alfa':{}}", "alfa"),
            ("'ext':{'bidder':{'siteId':'1'}}", "NULL"),
            ("'ext':{'placementId':17,'ae':1,'ids':[1]}", "NULL"),
            ("'ext':{'prebid':{'bidder':['alfa']}}", "NULL"),
            ("'ext':{'':{},' ':{},'alfa':{}}", "alfa"),
            ("'ext':7", "NULL"),
        ],
    );
}

#[test]
fn the_domain_comes_out_of_whatever_is_sent() {
    check_request(
        "domain app_or_site",
        &[
            ("'site':{'domain':'WWW.Diario.Example'}", "diario.example site"),
            ("'site':{'domain':'https://www.diario.example:8443/x?y'}", "diario.example site"),
            (
                "'site':{'page':'http://user:pass@diario.example/a@b?u=http://x.example'}",
                "diario.example site",
            ),
            ("'site':{'page':'//diario.example'}", "diario.example site"),
            ("'site':{'page':'diario.example/?u=http://x.example'}", "diario.example site"),
            ("'site':{'page':'android-app://com.plaza.juego/'}", "com.plaza.juego site"),
            ("'site':{'page':'http://[2001:db8::1]:80/'}", "2001:db8::1 site"),
            ("'site':{'domain':'','page':'https://b.example'}", "b.example site"),
            ("'site':{'domain':'${DOMAIN}','page':'https://b.example'}", "b.example site"),
            ("'site':{'domain':'[DOMAIN]','page':'%%PAGE%%'}", "NULL site"),
            ("'site':{'ref':'https://search.example'}", "NULL site"),
            ("'site':{'domain':'ESPAÑA.example.'}", "españa.example site"),
            ("'app':{'domain':'App.Example','bundle':'com.Plaza'}", "app.example app"),
            ("'app':{'bundle':'com.Plaza'}", "com.plaza app"),
            ("'app':{'bundle':1560000001}", "1560000001 app"),
            ("'site':{},'app':{'bundle':'com.plaza'}", "com.plaza app"),
            ("'site':{'id':'1'},'app':{}", "NULL site"),
            ("'site':'diario.example','app':null", "NULL NULL"),
            ("'dooh':{}", "NULL NULL"),
        ],
    );
}

#[test]
fn the_publisher_is_an_id_a_name_or_a_domain() {
    check_request(
        "publisher",
        &[
            ("'site':{'publisher':{'id':'p','name':'n'}}", "p"),
            ("'site':{'publisher':{'id':7}}", "7"),
            ("'site':{'publisher':{'name':'n','domain':'d'}}", "n"),
            ("'app':{'publisher':{'domain':'d'}}", "d"),
            ("'site':{'publisher':'p'}", "NULL"),
        ],
    );
}

#[test]
fn countries_are_told_in_either_code() {
    check_request(
        "country country_alpha3 country_tier",
        &[
            ("'device':{}", "NULL NULL 3"),
            ("'device':{'geo':{'country':'ESP'}}", "ES ESP 1"),
            ("'device':{'geo':{'country':'es'}}", "ES ESP 1"),
            ("'device':{'geo':{'country':'UK'}}", "GB GBR 1"),
            ("'device':{'geo':{'country':' prt '}}", "PT PRT 2"),
            ("'device':{'geo':{'country':'MEX'}}", "MX MEX 3"),
            ("'device':{'geo':{'country':'XYZ'}},'user':{'geo':{'country':'FRA'}}", "FR FRA 1"),
            ("'device':{'geo':{'country':'DEU'}},'user':{'geo':{'country':'FRA'}}", "DE DEU 1"),
            ("'device':{'geo':{'country':724}}", "NULL NULL 3"),
            ("'device':{'geo':'ESP'}", "NULL NULL 3"),
        ],
    );
}

#[test]
fn the_device_is_told_by_type_then_by_user_agent() {
    const TABLET: &str =
        "Mozilla/5.0 (Linux; Android 13; SM-X200) AppleWebKit/537.36 Chrome/126.0 Safari/537.36";
    const PHONE: &str =
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36";
    for (device, expected) in [
        ("'devicetype':4", "mobile"),
        ("'devicetype':'5'", "tablet"),
        ("'devicetype':2,'ua':'iPhone'", "desktop"),
        ("'devicetype':3", "desktop"),
        ("'devicetype':7", "desktop"),
        ("'devicetype':1", "mobile"),
        ("'devicetype':1,'ua':'iPad'", "tablet"),
        ("'devicetype':99,'ua':'iPhone'", "mobile"),
        ("'devicetype':2.5,'ua':'iPhone'", "mobile"),
        ("'ua':7", "desktop"),
        (&format!("'ua':'{TABLET}'"), "tablet"),
        (&format!("'ua':'{PHONE}'"), "mobile"),
        ("'ua':'Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) Mobile/15E148'", "tablet"),
        ("'ua':'Mozilla/5.0 (Windows NT 6.1; Trident/7.0; Tablet PC 2.0; rv:11.0) like Gecko'", "desktop"),
        ("'ua':'Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0)'", "desktop"),
        ("'ua':'Mozilla/5.0 (Linux; Android 12; BRAVIA 4K)'", "desktop"),
        ("'ua':'Mozilla/5.0 (Windows NT 10.0; Win64; x64)'", "desktop"),
    ] {
        check_request("device_category", &[(&format!("'device':{{{device}}}"), expected)]);
    }
    check_request("device_category", &[("'app':{'id':'a'}", "mobile"), ("'site':{'id':'s'}", "desktop")]);
    let late = format!("'device':{{'ua':'{}iPhone'}}", "x".repeat(5_000));
    check_request("device_category", &[(&late, "desktop")]);
}

#[test]
fn hour_and_day_are_those_of_the_device() {
    check_request(
        "ts hour_of_day day_of_week",
        &[
            ("'device':{}", "@1780315200000 12 1"),
            ("'device':{'geo':{'utcoffset':120}}", "@1780315200000 14 1"),
            ("'device':{'geo':{'utcoffset':'-720'}}", "@1780315200000 0 1"),
            ("'device':{'geo':{'utcoffset':840}}", "@1780315200000 2 2"),
            ("'device':{'geo':{'utcoffset':330}}", "@1780315200000 17 1"),
            ("'device':{'geo':{'utcoffset':841}}", "@1780315200000 12 1"),
            ("'device':{'geo':{'utcoffset':-10000000000}}", "@1780315200000 12 1"),
        ],
    );
    for (now_millis, expected) in [(0, (0, 4)), (-1, (23, 3)), (259_200_000, (0, 7)), (345_600_000, (0, 1))] {
        assert_eq!(local_time::hour_and_day(now_millis, 0), expected, "{now_millis}");
    }
    for now_millis in [i64::MIN, i64::MAX] {
        let (hour, day) = local_time::hour_and_day(now_millis, 840);
        assert!((0..24).contains(&hour) && (1..=7).contains(&day));
    }
}

#[test]
fn scores_out_of_range_count_as_absent() {
    for (score, engagement, performance, ctr) in [
        ("0", "0", "0", "0"),
        ("1", "1", "1", "1"),
        ("'0.5'", "0.5", "0.5", "0.5"),
        ("1.5", "NULL", "1.5", "NULL"),
        ("-0.1", "NULL", "NULL", "NULL"),
        ("1e300", "NULL", "NULL", "NULL"),
        ("'NaN'", "NULL", "NULL", "NULL"),
        ("true", "NULL", "NULL", "NULL"),
        ("null", "NULL", "NULL", "NULL"),
    ] {
        let request = format!(
            "{{'imp':[{{'ext':{{'historical_ctr':{score}}}}}],'user':{{'ext':{{'engagement_score':{score}}}}},\
             'device':{{'ext':{{'performance_score':{score}}}}}}}"
        );
        let columns = "user_engagement_score device_performance_score historical_ctr_avg";
        assert_eq!(answer(&request, columns), format!("{engagement} {performance} {ctr}"), "{score}");
    }
}

#[test]
fn the_auction_is_second_price_unless_said() {
    check_request(
        "auction_type",
        &[
            ("'at':1", "1"),
            ("'at':'3'", "3"),
            ("'at':501", "501"),
            ("'at':0", "2"),
            ("'at':null", "2"),
            ("'at':[]", "2"),
        ],
    );
}

#[test]
fn every_column_has_a_value_in_a_full_request() {
    let full = "{'id':'r','at':1,'imp':[{'id':'1','banner':{'w':1,'h':1},'tagid':'t','bidfloor':1,\
        'ext':{'prebid':{'bidder':{'b':{}}},'historical_ctr':0.1}}],'site':{'domain':'d','publisher':{'id':'p'}},\
        'device':{'geo':{'country':'ESP'},'ext':{'performance_score':9}},'user':{'ext':{'engagement_score':1}}}";
    for column in Impression::COLUMNS {
        assert_ne!(answer(full, column), "NULL", "{column}");
    }
    assert_eq!(answer(full, "no_such_column"), "NULL");
}
