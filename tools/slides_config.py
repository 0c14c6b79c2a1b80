"""How a deck looks: jupyter nbconvert --to slides --config tools/slides_config.py NOTEBOOK"""

c = get_config()  # type: ignore[name-defined]  # noqa: F821
c.SlidesExporter.reveal_width = "1280"
c.SlidesExporter.reveal_height = "960"
c.SlidesExporter.reveal_scroll = True  # for what is higher than a slide, as the strips of explorers
c.SlidesExporter.reveal_number = "c/t"
c.SlidesExporter.reveal_transition = "none"
