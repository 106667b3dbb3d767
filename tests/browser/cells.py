"""Numbers of a heatmap drawn as cells, read off the page, and the page's link."""

from __future__ import annotations


def value_at(page, panel, row, column):
    """The exact number behind a cell."""
    cell = page.locator(f'[data-focus="{panel}.{row}.{column}"]')
    return float(cell.get_attribute("data-value"))


def wait_for_value(page, panel, row, column, old):
    """Until the cell holds another number than ``old``."""
    page.wait_for_function(
        "([focus, old]) => { const cell = document.querySelector(`[data-focus='${focus}']`);"
        " return cell && Number(cell.dataset.value) !== old; }",
        arg=[f"{panel}.{row}.{column}", old],
    )


def wait_for_link(page, *parts):
    """Until the address, which follows a picture once it is painted, holds each of these texts."""
    page.wait_for_function("parts => parts.every(part => location.search.includes(part))", arg=list(parts))
