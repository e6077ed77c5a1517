from django.urls import path

from .views import prices, products, search, stores

urlpatterns = [
    path("search/", search.search, name="search"),
    path("search/suggestions/", search.search_suggestions, name="search-suggestions"),
    path("products/", products.products, name="products"),
    path("products/new/", products.product_new, name="product-new"),
    path("products/similar/", products.product_similar, name="product-similar"),
    path("products/<int:product_id>/", products.product, name="product"),
    path("products/<int:product_id>/edit/", products.product_edit, name="product-edit"),
    path("products/<int:product_id>/prices/", products.product_prices, name="product-prices"),
    path("products/<int:product_id>/elsewhere/", prices.reference_price, name="product-elsewhere"),
    path("products/<int:product_id>/offers/new/", prices.offer_new, name="offer-new"),
    path("offers/<int:offer_id>/edit/", prices.offer_edit, name="offer-edit"),
    path("offers/<int:offer_id>/prices/new/", prices.price_new, name="price-new"),
    path("prices/<int:price_id>/withdraw/", prices.price_withdraw, name="price-withdraw"),
    path("prices/<int:price_id>/restore/", prices.price_restore, name="price-restore"),
    path("stores/", stores.stores, name="stores"),
    path("stores/new/", stores.store_new, name="store-new"),
    path("stores/similar/", stores.store_similar, name="store-similar"),
    path("stores/names/", stores.store_names, name="store-names"),
    path("stores/<int:store_id>/edit/", stores.store_edit, name="store-edit"),
]
