"""File names: every known form is understood, and written again as it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from altiflow.errors import InputError
from altiflow.readers.catalogue.pairs.naming import (
    CubeName,
    MosaicName,
    MotionName,
    PairName,
    parse_pair_name,
    parse_velocity_name,
)

S1A = "S1A_IW_SLC__1SSH_20170221T204710_20170221T204737_015387_0193F6_AB07"
S1B = "S1B_IW_SLC__1SSH_20170227T204628_20170227T204655_004491_007D11_6654"
NISAR = (
    "NISAR_L1_PR_RSLC_005_149_D_074_2005_QPDH_A_20251120T130632_20251120T130707_X05009_N_F_J_001_X_"
    "NISAR_L1_PR_RSLC_006_149_D_074_4005_DHDH_A_20251202T130633_20251202T130707_X05009_N_F_J_001_G0120V02_P095.nc"
)

# name, satellite, earlier day, separation [d], version, percent
PAIRS = [
    ("LC08_L1TP_011002_20150821_20170405_01_T1_X_LC08_L1TP_011002_20150720_20170406_01_T1_G0240V01_P038.nc",
     "L8", "2015-07-20", 32, "v01", 38),
    ("LE07_L1GT_001113_20121118_20161127_01_T2_X_LE07_L1GT_232113_20121104_20161127_01_T2_G0240V01_P059.nc",
     "L7", "2012-11-04", 14, "v01", 59),
    ("LC08_L1TP_042242_20180721_20180731_01_T1_X_LC08_L1TP_042242_20170702_20170702_01_RT_G0240V01_P065.nc",
     "L8", "2017-07-02", 384, "v01", 65),
    ("LC08_L1GT_001111_20140217_20170425_01_T2_X_LC08_L1GT_001111_20131113_20170428_01_T2_G0240V00_P006.nc",
     "L8", "2013-11-13", 96, "v00", 6),
    ("LT05_L1GS_219121_19841206_20200918_02_T2_X_LT05_L1GS_226120_19850124_20200918_02_T2_G0120V02_P000.nc",
     "L5", "1984-12-06", 49, "v02", 0),
    ("LT04_L1TP_183062_19880706_20200917_02_T1_X_LT05_L1TP_183062_19880714_20200917_02_T1_G0120V02_P050.nc",
     "L4+L5", "1988-07-06", 8, "v02", 50),
    ("LM04_L1GS_025009_19830519_20200903_02_T2_X_LM05_L1GS_025009_19840519_20200903_02_T2_G0120V02_P001.nc",
     "L4+L5", "1983-05-19", 366, "v02", 1),
    ("LO08_L1GT_157021_20191221_20200924_02_T2_X_LC09_L1GT_157021_20220110_20220111_02_T2_G0120V02_P084.nc",
     "L8+L9", "2019-12-21", 751, "v02", 84),
    ("LC08_L1TP_013010_20130330_20200913_02_T1_X_LE07_L1TP_012010_20130627_20200907_02_T1_G0120V02_P003.nc",
     "L7+L8", "2013-03-30", 89, "v02", 3),
    ("LC09_L1TP_013243_20230801_20230802_02_T1_X_LC08_L1TP_013243_20240811_20240815_02_T1_G0120V02_P028.nc",
     "L8+L9", "2023-08-01", 376, "v02", 28),
    ("LC80630182016200LGN00_X_LC80630182016216LGN00_G0240V00_P071.nc", "L8", "2016-07-18", 16, "v00", 71),
    ("LE72330132003001EDC00_X_LT52330132003009PAC01_G0240V00_P100.nc", "L5+L7", "2003-01-01", 8, "v00", 100),
    ("S2A_MSIL1C_20170711T125301_N0205_R138_T27VXL_20170711T125302_X_"
     "S2A_MSIL1C_20170830T125301_N0205_R138_T27VXL_20170830T125302_G0120V02_P080.nc",
     "S2A", "2017-07-11", 50, "v02", 80),
    ("S2B_MSIL1C_20181008T190459_N0206_R127_T02CMU_20181008T232024_X_"
     "S2A_MSIL1C_20190923T190459_N0208_R127_T02CMU_20190923T232238_G0120V02_P000.nc",
     "S2A+S2B", "2018-10-08", 350, "v02", 0),
    ("S2A_24WWU_20190807_0_L1C_X_S2A_24WWU_20190817_0_L1C_G0120V02_P082.nc", "S2A", "2019-08-07", 10, "v02", 82),
    ("S2B_60CWT_20220130_0_L1C_X_S2C_60CWT_20220220_11_L2A_G0120V02_P082.nc", "S2B+S2C", "2022-01-30", 21, "v02", 82),
    (f"{S1A}_X_{S1B}_G0120V02_P094.nc", "S1A+S1B", "2017-02-21", None, "v02", 94),
    (f"{S1A}_X_{S1B}_G0120V02_P091_cropped.nc", "S1A+S1B", "2017-02-21", None, "v02", 91),
    (f"{S1A}_X_{S1B}_G0240V02_P039_IL_ASF_OD.nc", "S1A+S1B", "2017-02-21", None, "v02", 39),
    ("S1_191569_IW1_20170703T204652_HV_1093-BURST_X_S1_191569_IW1_20170715T204652_HV_1F93-BURST_G0120V02_P088.nc",
     "S1", "2017-07-03", 12, "v02", 88),
    (NISAR, "NISAR", "2025-11-20", 12 + 1 / 86_400, "v02", 95),
]  # fmt: skip

OTHERS = [
    ("ITS_LIVE_vel_EPSG3413_G0120_X-350000_Y-2650000.zarr", CubeName("cube", 3413, 120, -350000, -2650000)),
    ("ITS_LIVE_vel_EPSG32646_G0120_X750000_Y3350000.zarr", CubeName("cube", 32646, 120, 750000, 3350000)),
    ("ITS_LIVE_velocity_EPSG3413_120m_X-3250000_Y250000.zarr", CubeName("composite", 3413, 120, -3250000, 250000)),
    ("GRE_G0240_2018.nc", MosaicName("its-live", "GRE", (2018, 2018), 240, "")),
    ("ANT_G0120_0000.nc", MosaicName("its-live", "ANT", None, 120, "")),
    ("ALA_G0120_0000_vx.tif", MosaicName("its-live", "ALA", None, 120, "", "vx")),
    ("ITS_LIVE_velocity_120m_RGI05A_2019_v02.nc", MosaicName("its-live", "RGI05A", (2019, 2019), 120, "v02")),
    ("ITS_LIVE_velocity_120m_RGI19A_0000_v02_v_error.tif",
     MosaicName("its-live", "RGI19A", None, 120, "v02", "v_error")),
    ("ITS_LIVE_velocity_120m_RGI01A_0000_V02.1_vx.tif", MosaicName("its-live", "RGI01A", None, 120, "V02.1", "vx")),
    ("NSIDC-0776_RGI01A_2018_V02.0.nc", MosaicName("nsidc", "RGI01A", (2018, 2018), None, "V02.0")),
    ("NSIDC-0776_RGI05A_2014-2022_V02.0.nc", MosaicName("nsidc", "RGI05A", (2014, 2022), None, "V02.0")),
    ("icemotion_daily_nh_25km_19790101_19791231_v4.1.nc",
     MotionName("NSIDC-0116", "nh", "25km", "daily", datetime(1979, 1, 1), datetime(1979, 12, 31), "v4.1")),
    ("icemotion_weekly_sh_25km_20180101_20181231_v4.1.nc",
     MotionName("NSIDC-0116", "sh", "25km", "weekly", datetime(2018, 1, 1), datetime(2018, 12, 31), "v4.1")),
    ("icemotion_daily_nh_25km_20240101_20240331_ql.nc",
     MotionName("NSIDC-0748", "nh", "25km", "daily", datetime(2024, 1, 1), datetime(2024, 3, 31))),
    ("ice_drift_nh_polstere-625_multi-oi_202201011200-202201031200.nc",
     MotionName("OSI-405", "nh", "polstere-625", "multi-oi", datetime(2022, 1, 1, 12), datetime(2022, 1, 3, 12))),
    ("ice_drift_sh_ease2-750_cdr-v1p0_24h-200203041200.nc",
     MotionName("OSI-455", "sh", "ease2-750", "cdr-v1p0", None, datetime(2002, 3, 4, 12))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "satellite", "day", "days", "version", "percent"), PAIRS)
def test_names_of_pairs_are_understood_and_written_again(
    name: str, satellite: str, day: str, days: float | None, version: str, percent: int
) -> None:
    pair = parse_pair_name(name)
    assert pair.format() == name
    assert (pair.satellite, pair.version, pair.percent_valid) == (satellite, version, percent)
    assert f"{pair.start:%Y-%m-%d}" == day
    expected = timedelta(days=days) if days is not None else datetime(2017, 2, 27, 20, 46, 28) - pair.start
    assert abs(pair.separation - expected) < timedelta(milliseconds=1)
    instant = name.startswith(("S1", "NISAR", "S2A_MSI", "S2B_MSI"))
    assert pair.time_resolution == ("instant" if instant else "day")
    assert pair.mission == {"L": "landsat", "S": f"sentinel{name[1]}", "N": "nisar"}[name[0]]
    assert parse_velocity_name(name) == pair


@pytest.mark.parametrize(("name", "expected"), OTHERS)
def test_names_of_cubes_mosaics_and_motion_are_understood_and_written_again(name: str, expected: object) -> None:
    found = parse_velocity_name(name)
    assert found == expected
    assert found.format() == name


def test_paths_and_urls_are_names_too() -> None:
    name = PAIRS[0][0]
    for given in (
        f"https://its-live-data.s3.amazonaws.com/v01/{name}?X-Amz-Date=2020#a",
        f"s3://its-live-data/v01/{name}",
        f"file:///data/{name}",
        f"/data/{name}",
        f"C:\\data\\{name}",
        Path("data") / name,
        name.removesuffix(".nc"),
    ):
        assert parse_pair_name(given).format() == name
    assert isinstance(parse_velocity_name("s3://its-live-data/datacubes/v2/N70W040/" + OTHERS[0][0] + "/"), CubeName)


def test_the_real_granules_and_cubes_have_names_of_these_forms(data: Callable[[str], Path]) -> None:
    granules = sorted(data("itslive/granule").glob("*.nc"))
    assert len(granules) == 2
    for granule in granules:
        pair = parse_velocity_name(granule)
        assert isinstance(pair, PairName)
        assert pair.format() == granule.name
        # In the granule of version 1, image 1 is the later one.
        assert pair.start < pair.end


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("LC08_X_G0120V02.nc", "not of the form"),
        ("FAKE_20200101_X_FAKE_20200201_G0120V02_P044.nc", "no known form: Landsat"),
        ("LC08_L1TP_009011_20201301_20200913_02_T1_X_LC08_L1TP_009011_20200820_20200905_02_T1_G0120V02_P078.nc",
         "20201301 is no date"),
        (PAIRS[0][0].replace("P038", "P138"), "more than 100 percent"),
        (PAIRS[0][0].replace(".nc", ".png"), "not of the form"),
        (PAIRS[0][0].replace(".nc", "_thumb.png"), "not of the form"),
        ("S3A_X_S3B_G0120V02_P044.nc", "no known form"),
    ],
)  # fmt: skip
def test_names_that_mean_nothing_are_refused(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_pair_name(name)


@pytest.mark.parametrize(
    "name", ["README.md", "ITS_LIVE_vel.zarr", "NSIDC-0776_RGI05A_2022-2014_V02.0.nc",
             "icemotion_daily_nh_25km_19790101_19791331_v4.1.nc", ""]
)  # fmt: skip
def test_other_files_are_no_velocity(name: str) -> None:
    with pytest.raises(InputError, match="velocity file name"):
        parse_velocity_name(name)
