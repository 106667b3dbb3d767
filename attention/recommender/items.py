"""Made-up films, books and dishes for chapter 11, and users with several tastes.

Eight themes, eight items each; an item's theme is what the recommender has to find out from who
chose what, it never sees it. Within a theme, items lean on one another in a fixed popularity.
Items, names and users are inventions of this file.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Item(NamedTuple):
    """One thing to recommend. theme, kind and names in both languages; theme index in [0, 8)."""

    name_en: str
    name_zh: str
    kind: str
    theme: int


THEMES = (
    ("sea", "海洋"), ("space", "太空"), ("mystery", "悬疑"), ("love", "爱情"),
    ("history", "历史"), ("spicy food", "辣味"), ("sweets", "甜点"), ("noodles", "面食"),
)  # fmt: skip
KINDS = {"film": "电影", "book": "书", "dish": "菜"}

# theme by theme: English name, Chinese name, f(ilm), b(ook) or d(ish)
_NAMES = """
The Lantern Reef|灯笼礁|f
Nine Days of Salt|盐的九日|b
Harbour of Gulls|海鸥之港|f
Letters from a Buoy|浮标来信|b
The Kelp Gardener|海藻园丁|b
Low Tide Waltz|退潮圆舞曲|f
A Map of Waves|浪的地图|b
The Quiet Trawler|沉默的渔船|f
Orbit of Paper|纸轨道|f
The Ninth Moon Garden|第九月花园|b
Stationmaster of Ceres|谷神星站长|b
Slow Comet|慢彗星|f
Gravity for Beginners|引力入门|b
Dust on the Antenna|天线上的尘|f
The Last Airlock|最后的气闸|f
Starlight Ledger|星光账本|b
The Missing Umbrella|失踪的雨伞|b
Footprints in Flour|面粉上的脚印|f
Who Rang Twice|谁按了两次铃|f
The Clockmaker's Alibi|钟表匠的证词|b
A Key for Room Six|六号房的钥匙|f
The Silent Parrot|不说话的鹦鹉|b
Ink Before Midnight|午夜前的墨迹|b
The Borrowed Shadow|借来的影子|f
Two Cups, One Window|两只杯子一扇窗|f
The Postman's Yes|邮差的答应|b
Rain on Linden Street|椴树街的雨|f
Dancing in Slippers|穿拖鞋跳舞|f
A Scarf for October|十月的围巾|b
The Slow Train Home|回家的慢车|f
Sunday, Again You|星期天又是你|b
Words on a Napkin|餐巾上的话|b
The Salt Road Clerk|盐道书吏|b
Bricks of the Old Wall|旧城墙的砖|f
The Queen's Weaver|女王的织工|f
A Bridge in Bronze|青铜桥|b
The Tea Caravan|茶马商队|f
Scroll of the Ferryman|摆渡人的卷轴|b
Winter at the Fort|堡中之冬|f
The Mapmaker's Tax|绘图师的税|b
Fire Alley Tofu|火巷豆腐|d
Red Lantern Chicken|红灯笼鸡|d
Pepper Cloud Fish|椒云鱼|d
Tingling Potato|麻酥土豆|d
Volcano Eggplant|火山茄子|d
Brave Beef|勇士牛肉|d
Sparkling Cabbage|噼啪白菜|d
Nine Chilli Soup|九椒汤|d
Honey Moon Cake|蜜月饼|d
Cloud Pudding|云朵布丁|d
Plum Snowball|梅子雪球|d
Walnut Pillow|核桃枕|d
Orange Drizzle Loaf|橙淋蛋糕|d
Sesame Kiss|芝麻吻|d
Pear in Amber|琥珀梨|d
Rose Jelly Boat|玫瑰果冻船|d
Long Bridge Noodles|长桥面|d
Grandpa's Hand Cut|爷爷的刀切面|d
Shrimp Ribbon|虾仁带面|d
Cold Sesame Threads|麻酱凉丝|d
Mushroom Tangle|蘑菇乱面|d
Scallion Spring|葱油泉面|d
Tomato Egg Loops|番茄蛋圈面|d
Midnight Broth|夜半汤面|d
"""
_KIND_OF = {"f": "film", "b": "book", "d": "dish"}
_FIELDS = [line.split("|") for line in _NAMES.strip().split("\n")]
ITEMS = tuple(
    Item(english, chinese, _KIND_OF[letter], i // 8) for i, (english, chinese, letter) in enumerate(_FIELDS)
)

HISTORY = 8  # items a user has chosen so far
# how many items of the history each taste takes: one many, the others few
_SHARES = ((5, 3), (5, 2, 1), (6, 1, 1), (5, 1, 1, 1))


class Users(NamedTuple):
    """history (u, 8) item ids in the order of choice; wanted (u,): the next item each one chose;
    tastes (u, 8) True for the themes a user likes."""

    history: Tensor
    wanted: Tensor
    tastes: Tensor


def make_users(count: int, generator: torch.Generator) -> Users:
    """Users with two to four tastes, unevenly shown so far but equally likely to be fed next.

    Somebody with five crime stories and one cake wants the next cake as much as the next crime
    story: how often a taste shows says little, that it shows says much. This is what a mean over
    the history blurs, and what a candidate that looks for its own kind finds (Zhou et al. 2018).
    Themes and the items within them are chosen by a fixed popularity; the history is shuffled.
    Raises ``ValueError`` for count outside [1, 20000].
    """
    if not 1 <= count <= 20_000:
        raise ValueError(f"count must lie in [1, 20000], got {count}")
    theme_popularity = 1 / (1 + torch.arange(8.0) / 4)
    item_popularity = 1 / (1 + torch.arange(8.0) / 2)
    histories, wanted, tastes = [], [], torch.zeros(count, len(THEMES), dtype=torch.bool)
    for user in range(count):
        shares = _SHARES[int(torch.randint(len(_SHARES), (1,), generator=generator))]
        themes = torch.multinomial(theme_popularity, len(shares), generator=generator)
        tastes[user, themes] = True
        next_taste = int(torch.randint(len(shares), (1,), generator=generator))
        chosen = []
        for i, (theme, share) in enumerate(zip(themes.tolist(), shares, strict=True)):
            picks = torch.multinomial(item_popularity, share + 1, generator=generator)
            ids = (theme * 8 + picks).tolist()
            chosen += ids[:share]
            if i == next_taste:
                wanted.append(ids[share])
        order = torch.randperm(HISTORY, generator=generator).tolist()
        histories.append([chosen[i] for i in order])
    return Users(torch.tensor(histories), torch.tensor(wanted), tastes)
